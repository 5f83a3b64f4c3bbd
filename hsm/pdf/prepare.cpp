#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <map>
#include <qpdf/QPDFPageObjectHelper.hh>
#include <set>

#include "base/encoding.h"
#include "hsm/pdf/document.h"
#include "hsm/pdf/signature.h"
#include "hsm/pdf/stamp.h"
#include "hsm/pdf/update_writer.h"

namespace signet::pdf {
namespace {

constexpr std::string_view kRange = "/ByteRange [0 ";
constexpr std::size_t kRangeWidth = 36;  // three numbers of up to ten digits and what is between them
constexpr std::size_t kLeastReserve = 1024;
constexpr std::size_t kMostReserve = std::size_t{1} << 20;

// "D:20260301120000Z" (ISO 32000-1 section 7.9.4).
std::string date(SystemTime time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "(D:%Y%m%d%H%M%SZ)", &utc);
    return text.data();
}

// The dictionary with some values replaced or added; references stay references.
std::string with(QPDFObjectHandle dictionary, const std::map<std::string, std::string>& changes) {
    std::string out = "<< ";
    if (dictionary.isDictionary())
        for (const auto& key : dictionary.getKeys())
            if (!changes.contains(key))
                out +=
                    QPDFObjectHandle::newName(key).unparse() + " " + dictionary.getKey(key).unparse() + " ";
    for (const auto& [key, value] : changes)
        out += key + " " + value + " ";
    return out + ">>";
}

std::string array_with(QPDFObjectHandle array, const std::string& item) {
    std::string out = "[ ";
    if (array.isArray())
        for (auto& present : array.getArrayAsVector())
            out += present.unparse() + " ";
    return out + item + " ]";
}

std::string signature_dictionary(const Options& options) {
    const auto* filter =
        options.sub_filter == SubFilter::cades_detached ? "/ETSI.CAdES.detached" : "/adbe.pkcs7.detached";
    std::string out = "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter " + std::string(filter) + "\n";
    out += std::string(kRange) + std::string(kRangeWidth, ' ') + "]\n";
    out += "/Contents <" + std::string(options.reserve * 2, '0') + ">\n/M " + date(options.time);
    if (!options.name.empty()) out += " /Name " + text_string(options.name);
    if (!options.reason.empty()) out += " /Reason " + text_string(options.reason);
    return out + " >>";
}

PageView view_of(QPDFObjectHandle page) {
    QPDFPageObjectHelper helper(page);
    PageView view;
    auto box = helper.getCropBox();
    if (box.isRectangle()) {
        const auto rectangle = box.getArrayAsRectangle();
        view.left = rectangle.llx;
        view.bottom = rectangle.lly;
        view.right = rectangle.urx;
        view.top = rectangle.ury;
    }
    auto rotate = helper.getAttribute("/Rotate", false);
    if (rotate.isInteger()) view.rotate = static_cast<int>(((rotate.getIntValue() % 360) + 360) % 360);
    if (view.rotate % 90 != 0) view.rotate = 0;
    return view;
}

struct FieldNames {
    std::set<std::string> names;
    int signatures = 0;
};
FieldNames names_of(QPDFObjectHandle form) {
    FieldNames out;
    auto fields = form.isDictionary() ? form.getKey("/Fields") : QPDFObjectHandle::newNull();
    if (!fields.isArray()) return out;
    for (auto& field : fields.getArrayAsVector()) {
        if (!field.isDictionary()) continue;
        if (field.getKey("/T").isString()) out.names.insert(field.getKey("/T").getUTF8Value());
        if (field.getKey("/FT").isName() && field.getKey("/FT").getName() == "/Sig") ++out.signatures;
    }
    return out;
}

std::string rectangle(const std::array<double, 4>& rect) {
    std::array<char, 96> text{};
    std::snprintf(text.data(), text.size(), "[%.2f %.2f %.2f %.2f]", rect[0], rect[1], rect[2], rect[3]);
    return text.data();
}

Status check_same(ByteView source, const Update& update) {
    if (source.size() == update.source_size && sha256(source) == update.source_digest) return {};
    return fail(ErrorCode::failed_precondition,
                "this is not the document that the signature was prepared for");
}

// Fills in the byte range, now that the size of the whole is known.
Status close_range(Update& update) {
    const std::string text(as_text(update.bytes));
    const auto range = text.find(kRange);
    constexpr std::string_view kContents = "/Contents <";
    const auto contents = text.find(kContents, range);
    if (range == std::string::npos || contents == std::string::npos)
        return fail(ErrorCode::internal, "the signature's place is lost");
    update.contents = contents + kContents.size();
    update.digits = text.find('>', update.contents) - update.contents;
    const auto before = update.source_size + update.contents - 1;
    const auto after = before + update.digits + 2;
    const auto end = update.source_size + update.bytes.size();
    const auto numbers =
        std::to_string(before) + " " + std::to_string(after) + " " + std::to_string(end - after);
    if (numbers.size() > kRangeWidth) return fail(ErrorCode::too_large, "the PDF is too large to be signed");
    std::ranges::copy(numbers, update.bytes.begin() + static_cast<std::ptrdiff_t>(range + kRange.size()));
    return {};
}

Result<Update> write_update(ByteView source, Document& document, const Options& options) {
    auto page = document.pdf->getAllPages().back();
    auto root = document.pdf->getRoot();
    auto size = document.pdf->getTrailer().getKey("/Size");
    if (!page.isIndirect() || !root.isIndirect() || !size.isInteger())
        return fail(ErrorCode::invalid_argument,
                    "the PDF has a page or a catalog that is no object of its own");
    auto form = root.getKey("/AcroForm");
    const auto fields = names_of(form);

    UpdateWriter writer(document, source.size());
    const int signature = writer.allocate();
    const int widget = writer.allocate();
    // The first object of the update: close_range looks for it there.
    writer.add(signature, signature_dictionary(options));

    std::string appearance;
    std::string rect = "[0 0 0 0]";
    if (options.stamp) {
        SIGNET_ASSIGN(const auto drawn, draw_stamp(writer, *options.stamp, view_of(page), fields.signatures));
        rect = rectangle(drawn.rect);
        appearance = " /AP << /N " + UpdateWriter::reference(drawn.appearance) + " >>";
    }
    int number = fields.signatures + 1;
    while (fields.names.contains("Signature" + std::to_string(number)))
        ++number;
    // F 132: printed, and locked (section 12.5.3).
    writer.add(widget, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature" + std::to_string(number) +
                           ") /F 132 /Rect " + rect + " /P " + page.unparse() + " /V " +
                           UpdateWriter::reference(signature) + appearance + " >>");
    const auto field = UpdateWriter::reference(widget);
    writer.add(page.getObjectID(), page.getGeneration(),
               with(page, {{"/Annots", array_with(page.getKey("/Annots"), field)}}));
    // SigFlags 3: signatures exist, and the document may only be appended to (section 12.7.2).
    const auto form_text =
        with(form, {{"/Fields", array_with(form.isDictionary() ? form.getKey("/Fields") : form, field)},
                    {"/SigFlags", "3"}});
    if (form.isDictionary() && form.isIndirect())
        writer.add(form.getObjectID(), form.getGeneration(), form_text);
    else
        writer.add(root.getObjectID(), root.getGeneration(), with(root, {{"/AcroForm", form_text}}));

    Update update;
    update.source_size = source.size();
    update.source_digest = sha256(source);
    update.bytes = to_bytes(std::move(writer).finish(as_text(ByteView(update.source_digest).first(16))));
    SIGNET_TRY(close_range(update));
    return update;
}

Bytes joined(ByteView source, const Update& update) {
    Bytes out;
    out.reserve(source.size() + update.bytes.size());
    out.insert(out.end(), source.begin(), source.end());
    out.insert(out.end(), update.bytes.begin(), update.bytes.end());
    return out;
}

}  // namespace

Result<Update> prepare(ByteView source, const Options& options) {
    if (options.reserve < kLeastReserve || options.reserve > kMostReserve)
        return fail(ErrorCode::invalid_argument, "the room for a signature is 1 KiB to 1 MiB");
    SIGNET_ASSIGN(auto document, open_document(source));
    auto update = guarded([&] { return write_update(source, document, options); });
    if (!update) return update;
    // Whatever was odd about the source: what it became must be a document again.
    const auto whole = joined(source, *update);
    SIGNET_ASSIGN(const auto again, open_document(whole));
    return update;
}

Result<Bytes> digest_of(ByteView source, const Update& update, HashAlgorithm hash) {
    SIGNET_TRY(check_same(source, update));
    const auto rest = ByteView(update.bytes);
    Bytes covered(source.begin(), source.end());
    const auto before = rest.first(update.contents - 1);
    const auto after = rest.subspan(update.contents + update.digits + 1);
    covered.insert(covered.end(), before.begin(), before.end());
    covered.insert(covered.end(), after.begin(), after.end());
    return digest(hash, covered);
}

Result<Bytes> assemble(ByteView source, const Update& update, ByteView cms) {
    SIGNET_TRY(check_same(source, update));
    const auto digits = to_hex(cms);
    if (digits.size() > update.digits)
        return fail(ErrorCode::too_large, "the CMS is larger than the room that was left for it");
    auto out = joined(source, update);
    std::ranges::copy(digits, out.begin() + static_cast<std::ptrdiff_t>(source.size() + update.contents));
    return out;
}

}  // namespace signet::pdf
