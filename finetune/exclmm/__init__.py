"""ExclMM: training of heads that give findings dimensions of their own and suppress what is excluded."""
