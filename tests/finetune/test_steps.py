import pytest
import torch

from finetune.steps import run_steps, save_whole


def test_steps_are_saved_at_the_end_and_now_and_then():
    done, saved = [0], []

    def take():
        done[0] += 1
        return done[0]

    run_steps(take, lambda: saved.append(done[0]), done=0, end=3, every=-1.0)
    assert saved == [1, 2, 3, 3]


def test_an_interrupt_is_passed_on_after_saving():
    saved = []

    def take():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_steps(take, lambda: saved.append("kept"), done=0, end=5, every=60.0)
    assert saved == ["kept"]


def test_a_state_that_cannot_be_written_leaves_the_one_before(tmp_path):
    file = tmp_path / "state.pt"
    save_whole({"step": 1}, file)
    with pytest.raises(Exception, match="pickle"):
        save_whole({"step": lambda: 2}, file)
    assert torch.load(file, weights_only=True) == {"step": 1}
