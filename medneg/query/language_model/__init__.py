"""The optional language-model parser: one prompt, two backends, and code that holds the model to the words.

The model sorts phrases of the query into wanted, unwanted and open. Spans, names, modifiers, implied
normality and counterfactuals stay with the grammar's machinery, so a model can neither invent a finding nor
lose one silently. Whatever goes wrong, the grammar's reading is returned with a warning.
"""
