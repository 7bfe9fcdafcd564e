/* web.h - a small HTTP server on a thread of its own, which answers as the path says:
 *   /text                 200, "hello"
 *   /echo                 200, the request itself, head and body
 *   /bytes?N              200, N bytes, without a Content-Length: the end closes
 *   /chunked              200, "hello" in two chunks and a trailer
 *   /empty                204
 *   /status?N             N, "status"
 *   /to?CODE URL          CODE with Location: URL (the rest of the target, %20 and all)
 *   /cookies              200 with two Set-Cookie and two X-Two
 *   /fields?N             200 with N fields in its header
 *   /wide?N               200 with a field of N bytes
 *   /stall                no answer at all
 *   /half                 the head and half of the body, then nothing
 *   /cut                  the same, then it closes
 *   /drop                 closes without an answer
 *   /garbage              what is not HTTP
 *   /early                100, 103, then 200 "hello"
 * Lifetime: web_start() to web_stop(). Threads: the test's own; the counters may be read any time.
 */
#ifndef MG_TEST_WEB_H
#define MG_TEST_WEB_H

struct web;
struct web *web_start(void); /* fails the test */
void web_stop(struct web *w);
unsigned web_port(const struct web *w);
/* So far: accepted connections, whole requests. */
unsigned web_connections(struct web *w);
unsigned web_requests(struct web *w);

#endif
