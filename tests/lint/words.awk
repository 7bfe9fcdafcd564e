# words.awk - the project names no machine it was made on, no package registry, and promises nothing.
# usage: awk -f words.awk FILE...

function fail(reason) { printf "%s:%d: %s\n", FILENAME, FNR, reason; bad = 1 }

FILENAME ~ /tests\/lint\/words\.awk$/ { next }

/(^|[^A-Za-z0-9_.}])\/(work|home|Users|workspace)\/[A-Za-z]/ { fail("a path of one machine") }
/registry\.[a-z0-9-]+\.[a-z]+|artifactory|"resolved": *"http/ { fail("the name of a package registry") }
# Right behind a quotation mark it is the word that is meant.
/(^|[^A-Za-z"])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)/ && !/XXXXXX/ { fail("an unfinished part") }

END { exit bad }
