/* offers.h - a fixture whose set holds prompts, resources and templates, and the requests for them.
 * Lifetime: as fixture.h. */
#ifndef MG_TEST_MCP_OFFERS_H
#define MG_TEST_MCP_OFFERS_H
#include "fixture.h"

#define PROMPTS(params) REQUEST("1", "prompts/list", params)
#define GET(params) REQUEST("1", "prompts/get", params)
#define RESOURCES(params) REQUEST("1", "resources/list", params)
#define READ(params) REQUEST("1", "resources/read", params)
#define COMPLETE(params) REQUEST("1", "completion/complete", params)
#define WHOLE "\"name\":\"review\",\"arguments\":{\"file\":\"a\",\"f\xc3\xbcr\":\"b\"}"
#define ARGUMENT "\"argument\":{\"name\":\"a\",\"value\":\"v\"}"
#define OF_PROMPT(name) "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"" name "\"}," ARGUMENT
#define OF_URI(uri) "\"ref\":{\"type\":\"ref/resource\",\"uri\":\"" uri "\"}," ARGUMENT

/* Instead of fixture_init(). What has "secret" in its name is hidden from bob. */
void offers_init(struct fixture *f);

#endif
