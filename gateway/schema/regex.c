/* Regular expressions as JSON Schema means them, ECMA-262's with unicode mode, as far as PCRE2
 * speaks that: the long names of general categories, which it lacks, are put into its own. */
#include <string.h>

#include "schema/compile.h"

static const struct {
    const char *name, *code;
} categories[] = {
    { "Letter", "L" },
    { "Cased_Letter", "L&" },
    { "Uppercase_Letter", "Lu" },
    { "Lowercase_Letter", "Ll" },
    { "Titlecase_Letter", "Lt" },
    { "Modifier_Letter", "Lm" },
    { "Other_Letter", "Lo" },
    { "Mark", "M" },
    { "Combining_Mark", "M" },
    { "Nonspacing_Mark", "Mn" },
    { "Spacing_Mark", "Mc" },
    { "Enclosing_Mark", "Me" },
    { "Number", "N" },
    { "Decimal_Number", "Nd" },
    { "digit", "Nd" },
    { "Letter_Number", "Nl" },
    { "Other_Number", "No" },
    { "Punctuation", "P" },
    { "punct", "P" },
    { "Connector_Punctuation", "Pc" },
    { "Dash_Punctuation", "Pd" },
    { "Open_Punctuation", "Ps" },
    { "Close_Punctuation", "Pe" },
    { "Initial_Punctuation", "Pi" },
    { "Final_Punctuation", "Pf" },
    { "Other_Punctuation", "Po" },
    { "Symbol", "S" },
    { "Math_Symbol", "Sm" },
    { "Currency_Symbol", "Sc" },
    { "Modifier_Symbol", "Sk" },
    { "Other_Symbol", "So" },
    { "Separator", "Z" },
    { "Space_Separator", "Zs" },
    { "Line_Separator", "Zl" },
    { "Paragraph_Separator", "Zp" },
    { "Other", "C" },
    { "Control", "Cc" },
    { "cntrl", "Cc" },
    { "Format", "Cf" },
    { "Surrogate", "Cs" },
    { "Private_Use", "Co" },
    { "Unassigned", "Cn" },
};

static const char *category(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (strlen(categories[i].name) == len && memcmp(categories[i].name, name, len) == 0)
            return categories[i].code;
    return NULL;
}

/* At "\\p{": writes what PCRE2 calls it and returns the bytes read; 0: leave it as it is. */
static size_t property(const char *p, const char *end, struct buf *out)
{
    const char *close = memchr(p, '}', (size_t)(end - p));
    const char *name = p + 3;

    if (!close)
        return 0;
    if (strncmp(name, "gc=", 3) == 0)
        name += 3;
    else if (strncmp(name, "General_Category=", 17) == 0)
        name += 17;
    const char *code = category(name, (size_t)(close - name));
    if (!code && name == p + 3)
        return 0;
    buf_append(out, p, 3);
    if (code)
        buf_str(out, code);
    else
        buf_append(out, name, (size_t)(close - name));
    buf_putc(out, '}');
    return (size_t)(close + 1 - p);
}

static void translate(const char *p, size_t len, struct buf *out)
{
    const char *end = p + len;

    while (p < end) {
        size_t n = 0;
        if (end - p > 4 && p[0] == '\\' && (p[1] | 32) == 'p' && p[2] == '{')
            n = property(p, end, out);
        if (n == 0) { /* an escape goes over whole: "\\\\p{" is no property */
            n = p[0] == '\\' && end - p > 1 ? 2 : 1;
            buf_append(out, p, n);
        }
        p += n;
    }
}

pcre2_code *regex_compile(const char *text, size_t len, struct err *e)
{
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                             PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
    struct buf own = { 0 };
    PCRE2_UCHAR why[120];
    PCRE2_SIZE at;
    int code = 0;

    translate(text, len, &own);
    pcre2_code *regex = NULL;
    if (buf_ok(&own))
        regex = pcre2_compile((PCRE2_SPTR)(own.data ? own.data : ""), own.len, options, &code, &at,
                              NULL);
    bool is_memory = !buf_ok(&own) || code == PCRE2_ERROR_HEAP_FAILED;
    buf_fini(&own);
    if (!regex && is_memory)
        err_set(e, MG_E_NOMEM, "out of memory");
    else if (!regex && pcre2_get_error_message(code, why, sizeof why) != 0)
        err_set(e, MG_E_INVALID, "regular expression: %s (offset %zu)", (const char *)why, at);
    return regex;
}
