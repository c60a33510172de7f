"""Networks that get smaller: zero rows, channels, heads and inputs are taken out, and the output stays the same.

trace       the graph of one call (torch.export), each index of each axis of each parameter numbered as a unit
rules       what each operation says about units and about constants, one table
units       which units are one and the same, which must stay
decide      which units nothing reads, or only as a constant
couple      what the user states where the graph cannot tell
rebuild     a copy of the model with narrower tensors
numbers     the plain numbers in a model's attributes that have to follow
optimizers  a copy of the optimizer, its state cut alike
verb        all of it, checked
record      what came of it
files       safetensors in, safetensors out
"""
