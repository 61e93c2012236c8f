"""Why a network answers as it does: maps on the image, weights of clinical values, checks of both.

For any `nn.Module` called as `network(*inputs)` that returns B × classes logits. Torch and NumPy;
captum is imported where it is used.
"""
