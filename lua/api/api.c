#include "api/api.h"

static const struct api_module call = { .name = "", .open = mgl_open_call };
static const struct api_module cache = { .name = "cache", .open = mgl_open_cache };
static const struct api_module codec = { .name = "codec", .open = mgl_open_codec };
static const struct api_module config = { .name = "config", .open = mgl_open_config };
static const struct api_module env = { .name = "", .open = mgl_open_env, .need = "env" };
static const struct api_module evals = { .name = "evals", .open = mgl_open_evals, .need = "exec" };
static const struct api_module events = { .name = "events", .open = mgl_open_events };
static const struct api_module exec = { .name = "exec", .open = mgl_open_exec, .need = "exec" };
static const struct api_module fs = { .name = "fs", .open = mgl_open_fs, .need = "fs" };
static const struct api_module gates = { .name = "gates", .open = mgl_open_gates };
static const struct api_module host = { .name = "host", .open = mgl_open_host };
static const struct api_module index_ = { .name = "index", .open = mgl_open_index };
static const struct api_module http = { .name = "http", .open = mgl_open_http, .need = "http" };
static const struct api_module git = { .name = "git", .open = mgl_open_git, .need = "exec" };
static const struct api_module jobs = { .name = "jobs", .open = mgl_open_jobs };
static const struct api_module json = { .name = "json", .open = mgl_open_json };
static const struct api_module logging = { .name = "log", .open = mgl_open_log };
static const struct api_module metrics = { .name = "metrics", .open = mgl_open_metrics };
static const struct api_module offer = { .name = "", .open = mgl_open_offer };
static const struct api_module re = { .name = "re", .open = mgl_open_re };
static const struct api_module resources = { .name = "resources", .open = mgl_open_resources };
static const struct api_module result = { .name = "", .open = mgl_open_result };
static const struct api_module schema = { .name = "schema", .open = mgl_open_schema };
static const struct api_module state = { .name = "state", .open = mgl_open_state };
static const struct api_module testing = { .name = "testing",
                                           .open = mgl_open_testing,
                                           .at_once = true };
static const struct api_module time_ = { .name = "time", .open = mgl_open_time };
static const struct api_module url = { .name = "url", .open = mgl_open_url };

const struct api_module *const api_modules[] = {
    &call,      &cache,  &codec,  &config, &env,     &evals, &events,  &exec,    &fs,    &gates,
    &host,      &index_, &http,   &git,    &jobs,    &json,  &logging, &metrics, &offer, &re,
    &resources, &result, &schema, &state,  &testing, &time_, &url,     NULL,
};
