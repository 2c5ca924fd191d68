"""C++ standalone mode: the generated program does with the same bits what Python does step by step."""
