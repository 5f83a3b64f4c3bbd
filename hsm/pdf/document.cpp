#include "hsm/pdf/document.h"

#include <charconv>
#include <qpdf/QPDFLogger.hh>
#include <string_view>

#include "hsm/pdf/signature.h"

namespace signet::pdf {
namespace {

constexpr std::string_view kStartXref = "startxref";
constexpr std::size_t kTail =
    1024;  // implementation note 18 of the PDF Reference: %%EOF within the last 1,024 bytes

bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\0';
}

std::string_view skip_space(std::string_view text) {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
    return text;
}

Result<std::uint64_t> find_last_xref(std::string_view text) {
    const auto tail = text.size() > kTail ? text.size() - kTail : 0;
    const auto at = text.rfind(kStartXref);
    if (at == std::string_view::npos || at < tail)
        return fail(ErrorCode::invalid_argument,
                    "the PDF does not end with startxref: it is cut off or broken");
    const auto rest = skip_space(text.substr(at + kStartXref.size()));
    std::uint64_t offset = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), offset);
    if (error != std::errc{} || offset == 0 || offset >= text.size())
        return fail(ErrorCode::invalid_argument, "the PDF says wrongly where its cross-reference table is");
    return offset;
}

// A certification signature that permits no changes (section 12.8.2.2, P = 1).
bool forbids_signatures(QPDF& pdf) {
    auto permissions = pdf.getRoot().getKey("/Perms");
    if (!permissions.isDictionary()) return false;
    auto signature = permissions.getKey("/DocMDP");
    if (!signature.isDictionary()) return false;
    auto references = signature.getKey("/Reference");
    if (!references.isArray()) return false;
    for (int i = 0; i < references.getArrayNItems(); ++i) {
        auto reference = references.getArrayItem(i);
        if (!reference.isDictionary()) continue;
        auto parameters = reference.getKey("/TransformParams");
        if (parameters.isDictionary() && parameters.getKey("/P").isInteger() &&
            parameters.getKey("/P").getIntValue() == 1)
            return true;
    }
    return false;
}

}  // namespace

Result<Document> open_document(ByteView bytes) {
    if (bytes.size() > kMaxDocument) return fail(ErrorCode::too_large, "the PDF is over 64 MiB");
    const auto text = as_text(bytes);
    if (!text.substr(0, kTail).contains("%PDF-"))
        return fail(ErrorCode::invalid_argument, "this is no PDF: it does not begin with %PDF-");
    return guarded([&]() -> Result<Document> {
        Document document;
        SIGNET_ASSIGN(document.last_xref, find_last_xref(text));
        document.xref_stream = !skip_space(text.substr(document.last_xref)).starts_with("xref");
        document.pdf = std::make_unique<QPDF>();
        document.pdf->setLogger(QPDFLogger::create());
        document.pdf->getLogger()->discard();
        document.pdf->setSuppressWarnings(true);
        document.pdf->setAttemptRecovery(false);
        try {
            document.pdf->processMemoryFile("document", text.data(), text.size());
        } catch (const QPDFExc& error) {
            if (error.getErrorCode() != qpdf_e_password) throw;
            return fail(ErrorCode::permission_denied, "the PDF is protected by a password; sign one without");
        }
        if (document.pdf->isEncrypted())
            return fail(ErrorCode::permission_denied,
                        "the PDF is encrypted or restricts what may be done with it; sign one that does not");
        if (forbids_signatures(*document.pdf))
            return fail(ErrorCode::permission_denied,
                        "the PDF has an author's signature that permits no further ones");
        if (document.pdf->getAllPages().empty())
            return fail(ErrorCode::invalid_argument, "the PDF has no pages");
        return document;
    });
}

}  // namespace signet::pdf
