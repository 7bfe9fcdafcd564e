-- endless.lua - a helper that does not end when it is loaded.
while true do end
