-- run.lua - prints a greeting. usage: lua run.lua NAME
print(("Hello, %s!"):format(arg and arg[1] or "world"))
