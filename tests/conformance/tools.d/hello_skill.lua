-- hello_skill.lua - a skill: a folder of files that tell a model how to do something. Clients list
-- skills with the digest of every file, and read the files as resources: their URIs begin with
-- skill://demo/hello-skill/. Name and description stand in the head of its SKILL.md.
local mcp = require "mcp"

return mcp.skill {
  name   = "hello-skill",
  title  = "Say hello",
  path   = "demo",
  folder = "skills/hello-skill",
}
