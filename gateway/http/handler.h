/* handler.h - private to gateway/http: what libmicrohttpd calls. `arg` is the struct http_server.
 */
#ifndef MG_HTTP_HANDLER_H
#define MG_HTTP_HANDLER_H
#include <microhttpd.h>
#include <stdarg.h>

void *handler_line(void *arg, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result handler_request(void *arg, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_size, void **request);
void handler_completed(void *arg, struct MHD_Connection *mhd, void **request,
                       enum MHD_RequestTerminationCode how);
void handler_connection(void *arg, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode what);
void handler_log(void *arg, const char *format, va_list ap);

#endif
