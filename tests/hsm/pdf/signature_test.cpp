#include "hsm/pdf/signature.h"

#include <algorithm>

#include "hsm/pki/cms.h"
#include "hsm/pki/signature.h"
#include "tests/hsm/pki/pki_fixture.h"

namespace signet::pdf {
namespace {

using testing::explain;
using testing::soon;

constexpr auto kFont = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

// Two pages, the last one with `page` in its dictionary; a classic cross-reference table.
std::string document(const std::string& page = "", const std::string& catalog = "") {
    const std::vector<std::string> objects{
        "<< /Type /Catalog /Pages 2 0 R " + catalog + " >>",
        "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 /MediaBox [0 0 595 842] >>",
        "<< /Type /Page /Parent 2 0 R >>",
        "<< /Type /Page /Parent 2 0 R /Contents 5 0 R /Resources << /Font << /F 6 0 R >> >> " + page + " >>",
        "<< /Length 43 >>\nstream\nBT /F 24 Tf 100 600 Td (To be signed) Tj ET  \nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
    std::string out = "%PDF-1.7\n";
    std::vector<std::size_t> offsets;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        offsets.push_back(out.size());
        out += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
    }
    const auto table = out.size();
    out += "xref\n0 7\n0000000000 65535 f \n";
    for (const auto offset : offsets) {
        auto digits = std::to_string(offset);
        out += std::string(10 - digits.size(), '0') + digits + " 00000 n \n";
    }
    return out + "trailer\n<< /Size 7 /Root 1 0 R >>\nstartxref\n" + std::to_string(table) + "\n%%EOF\n";
}

class PdfTest : public testing::PkiTest {
  protected:
    struct Signer {
        provider::TokenKey key;
        pki::Certificate certificate;
    };
    Signer signer(KeyAlgorithm algorithm) {
        const auto label = "signer" + std::to_string(++signers_);
        auto key = make_key(label, algorithm, KeyUsage::sign);
        auto root_key = make_key(label + ".ca", KeyAlgorithm::ec_p256, KeyUsage::certify);
        const auto root = make_root(root_key);
        auto certificate = pki::issue(
            root_key, root, pki::document_signing_profile(),
            {pki::PublicKey::from_spki(key.public_key()).value(), name("CN=Signer"), {}}, at_now(), soon());
        EXPECT_TRUE(certificate) << explain(certificate);
        return {std::move(key), *std::move(certificate)};
    }
    static Options options() {
        Options out;
        out.time = SystemClock().now();
        out.name = "Анна Example";
        out.stamp = Stamp{
            {"Подписано электронной подписью", "Anna Example", "2026-03-01 12:00:00 +02:00", "0A1B2C3D"},
            kFont};
        return out;
    }
    Result<Bytes> sign(ByteView source, const Signer& by, const Options& how = options()) {
        SIGNET_ASSIGN(const auto update, prepare(source, how));
        const auto algorithm = by.certificate.public_key().default_algorithm();
        SIGNET_ASSIGN(const auto digest, digest_of(source, update, pki::cms_content_hash(algorithm)));
        pki::CmsOptions cms;
        if (how.sub_filter == SubFilter::pkcs7_detached) cms.signing_time = how.time;
        SIGNET_ASSIGN(const auto prepared, pki::prepare_cms(by.certificate, digest, cms));
        SIGNET_ASSIGN(const auto signature, pki::sign(token, by.key.selector(), prepared.algorithm,
                                                      KeyUsage::sign, prepared.signed_attributes, soon()));
        SIGNET_ASSIGN(const auto der, pki::attach_cms_signature(prepared, signature));
        return assemble(source, update, der);
    }
    // What pdfsig, of another project, says.
    std::string pdfsig(ByteView document) {
        const auto file = write("signed.pdf", document);
        return testing::run({"/usr/bin/env", "pdfsig", "-nocert", file}, {.as_service_user = false}).output;
    }
    // The source as the qpdf command writes it.
    Bytes rewritten(const std::string& source, std::vector<std::string> how) {
        const auto from = write("from.pdf", source);
        const auto to = path("to.pdf");
        std::vector<std::string> command{"/usr/bin/env", "qpdf"};
        command.insert(command.end(), how.begin(), how.end());
        command.insert(command.end(), {from, to});
        const auto ended = testing::run(std::move(command), {.as_service_user = false});
        EXPECT_EQ(ended.code, 0) << ended.output;
        return to_bytes(read_file(to).value_or(""));
    }
    static std::size_t count(const std::string& text, std::string_view what) {
        std::size_t n = 0;
        for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
            ++n;
        return n;
    }
    int signers_ = 0;
};

TEST_F(PdfTest, PdfsigFindsEverySignatureValidAndTheDocumentWhole) {
    const auto source = to_bytes(document());
    for (const auto algorithm : {KeyAlgorithm::rsa_2048, KeyAlgorithm::ec_p256}) {
        const auto by = signer(algorithm);
        for (const auto filter : {SubFilter::pkcs7_detached, SubFilter::cades_detached}) {
            auto how = options();
            how.sub_filter = filter;
            const auto signed_document = sign(source, by, how);
            ASSERT_TRUE(signed_document) << explain(signed_document);
            const auto said = pdfsig(*signed_document);
            EXPECT_TRUE(said.contains("Signature is Valid")) << said;
            EXPECT_TRUE(said.contains("Total document signed")) << said;
        }
    }
}

TEST_F(PdfTest, LeavesTheSourceAsItIsAndCanBePutTogetherAgain) {
    const auto source = to_bytes(document());
    const auto update = prepare(source, options());
    ASSERT_TRUE(update) << explain(update);
    const auto one = assemble(source, *update, to_bytes("\x30\x03\x02\x01\x01"));
    const auto two = assemble(source, *update, to_bytes("\x30\x03\x02\x01\x01"));
    ASSERT_TRUE(one && two);
    EXPECT_EQ(*one, *two);
    EXPECT_TRUE(std::ranges::equal(source, ByteView(*one).first(source.size())));
    auto other = source;
    other[other.size() / 2] ^= 1;
    const auto refused = assemble(other, *update, to_bytes("\x30\x03\x02\x01\x01"));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::failed_precondition);
}

TEST_F(PdfTest, ASecondSignatureKeepsTheFirstValid) {
    const auto first = sign(to_bytes(document()), signer(KeyAlgorithm::rsa_2048));
    ASSERT_TRUE(first) << explain(first);
    const auto second = sign(*first, signer(KeyAlgorithm::ec_p256));
    ASSERT_TRUE(second) << explain(second);
    const auto said = pdfsig(*second);
    EXPECT_EQ(count(said, "Signature is Valid"), 2U) << said;
    const auto found = find_signatures(*second);
    ASSERT_TRUE(found) << explain(found);
    ASSERT_EQ(found->size(), 2U);
    EXPECT_FALSE(found->at(0).whole_document);
    EXPECT_TRUE(found->at(1).whole_document);
    for (const auto& signature : *found)
        EXPECT_TRUE(pki::verify_cms(as_text(signature.cms), signature.signed_bytes(*second)));
}

TEST_F(PdfTest, SignsWhatOtherWritersMake) {
    const auto by = signer(KeyAlgorithm::ec_p256);
    const std::vector<std::vector<std::string>> ways{{"--object-streams=generate"},
                                                     {"--linearize"},
                                                     {"--linearize", "--object-streams=generate"},
                                                     {"--qdf"}};
    for (const auto& way : ways) {
        const auto source = rewritten(document(), way);
        const auto signed_document = sign(source, by);
        ASSERT_TRUE(signed_document) << way.front() << ": " << explain(signed_document);
        EXPECT_TRUE(pdfsig(*signed_document).contains("Signature is Valid")) << way.front();
        const auto twice = sign(*signed_document, by);
        ASSERT_TRUE(twice) << way.front() << ": " << explain(twice);
        EXPECT_EQ(count(pdfsig(*twice), "Signature is Valid"), 2U) << way.front();
        const auto file = write("checked.pdf", *twice);
        const auto checked =
            testing::run({"/usr/bin/env", "qpdf", "--check", file}, {.as_service_user = false});
        EXPECT_NE(checked.code, 2) << checked.output;
    }
}

// Made by tests/data/pdf/make.
TEST_F(PdfTest, SignsTheGoldenDocuments) {
    const auto by = signer(KeyAlgorithm::ec_p256);
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(SIGNET_PDF_DATA)) {
        if (entry.path().extension() != ".pdf") continue;
        ++seen;
        const auto signed_document = sign(to_bytes(read_file(entry.path()).value()), by);
        ASSERT_TRUE(signed_document) << entry.path() << ": " << explain(signed_document);
        EXPECT_TRUE(pdfsig(*signed_document).contains("Signature is Valid")) << entry.path();
    }
    EXPECT_GE(seen, 1U);
}

TEST_F(PdfTest, TheStampCanBeReadWhereverThePageIsTurned) {
    const auto by = signer(KeyAlgorithm::ec_p256);
    for (const auto* rotate : {"0", "90", "180", "270", "-90"}) {
        const auto signed_document = sign(to_bytes(document(std::string("/Rotate ") + rotate)), by);
        ASSERT_TRUE(signed_document) << explain(signed_document);
        const auto file = write("stamp.pdf", *signed_document);
        const auto text =
            testing::run({"/usr/bin/env", "pdftotext", "-f", "2", file, "-"}, {.as_service_user = false});
        EXPECT_TRUE(text.output.contains("Подписано электронной подписью")) << rotate << text.output;
        EXPECT_TRUE(text.output.contains("To be signed")) << rotate;
    }
}

TEST_F(PdfTest, ChangesAreFound) {
    const auto signed_document = sign(to_bytes(document()), signer(KeyAlgorithm::ec_p256));
    ASSERT_TRUE(signed_document) << explain(signed_document);
    auto changed = *signed_document;
    const std::string_view what = "To be signed";
    const auto at = std::ranges::search(changed, as_bytes(what)).begin() - changed.begin();
    changed[static_cast<std::size_t>(at)] = 'N';
    const auto found = find_signatures(changed);
    ASSERT_TRUE(found) << explain(found);
    EXPECT_FALSE(pki::verify_cms(as_text(found->at(0).cms), found->at(0).signed_bytes(changed)));
}

TEST_F(PdfTest, ASignatureThatLeavesOutMoreThanItselfIsRefused) {
    const auto signed_document = sign(to_bytes(document()), signer(KeyAlgorithm::ec_p256));
    ASSERT_TRUE(signed_document) << explain(signed_document);
    std::string text(as_text(*signed_document));
    const auto at = text.find("/ByteRange [0 ") + 14;
    const auto end = text.find(' ', at);
    const auto before = std::stoull(text.substr(at, end - at));
    text.replace(at, end - at, std::to_string(before - 1));
    const auto found = find_signatures(to_bytes(text));
    ASSERT_FALSE(found);
    EXPECT_TRUE(found.error().message.contains("leaves out more than its own contents"));
}

TEST_F(PdfTest, EncryptedRestrictedAndBrokenDocumentsAreRefused) {
    const auto code_of = [](const Bytes& source) {
        const auto update = prepare(source, options());
        return update ? std::optional<ErrorCode>() : update.error().code;
    };
    EXPECT_EQ(code_of(rewritten(document(), {"--encrypt", "user", "owner", "256", "--"})),
              ErrorCode::permission_denied);
    EXPECT_EQ(code_of(rewritten(document(), {"--encrypt", "", "owner", "256", "--modify=none", "--"})),
              ErrorCode::permission_denied);
    EXPECT_EQ(code_of(to_bytes(document(
                  "",
                  "/Perms << /DocMDP << /Type /Sig /Reference [<< /TransformMethod /DocMDP /TransformParams "
                  "<< /P 1 >> >>] >> >>"))),
              ErrorCode::permission_denied);
    EXPECT_EQ(
        code_of(to_bytes(document(
            "", "/Perms << /DocMDP << /Type /Sig /Reference [<< /TransformParams << /P 2 >> >>] >> >>"))),
        std::nullopt);
    EXPECT_EQ(code_of(to_bytes("no PDF at all")), ErrorCode::invalid_argument);
    EXPECT_EQ(code_of({}), ErrorCode::invalid_argument);
    const auto whole = document();
    // Cut anywhere but within the white space at its end.
    for (std::size_t size = 9; size + 8 < whole.size(); size += 7)
        EXPECT_EQ(code_of(to_bytes(whole.substr(0, size))), ErrorCode::invalid_argument) << size;
}

TEST_F(PdfTest, TheStampIsWithinBounds) {
    auto how = options();
    how.stamp->lines = {"汉字"};
    EXPECT_EQ(prepare(to_bytes(document()), how).error().code, ErrorCode::unprocessable);
    how.stamp->lines = {std::string("\xC3")};
    EXPECT_EQ(prepare(to_bytes(document()), how).error().code, ErrorCode::invalid_argument);
    how.stamp->lines = {};
    EXPECT_EQ(prepare(to_bytes(document()), how).error().code, ErrorCode::invalid_argument);
    how = options();
    how.reserve = 1024;
    const auto update = prepare(to_bytes(document()), how);
    ASSERT_TRUE(update) << explain(update);
    EXPECT_EQ(assemble(to_bytes(document()), *update, Bytes(1025)).error().code, ErrorCode::too_large);
}

}  // namespace
}  // namespace signet::pdf
