// What happens to a SoftHSM token around the process: killed while it makes keys, its directory gone, read-only or full.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include "hsm/pkcs11/session.h"
#include "hsm/pkcs11/token.h"
#include "hsm/token/key_metadata.h"
#include "hsm/token/raw_bench.h"
#include "hsm/token/token_object_guard.h"
#include "hsm/token/token_operations.h"
#include "tests/hsm/token/openssl_reference.h"
#include "tests/support/process.h"
#include "tests/support/softhsm_token.h"

namespace signet::token {
namespace {

namespace fs = std::filesystem;
using testing::ChildProcess;
using testing::SoftHsmToken;

Deadline soon() {
    return Deadline::in(std::chrono::seconds(60));
}

class Recovery : public ::testing::Test {
  protected:
    void open() {
        auto opened = TokenOperations::open(token.options(), token.pin());
        ASSERT_TRUE(opened) << opened.error().message << " " << opened.error().detail;
        operations = std::move(*opened);
    }
    Status make(const std::string& label, KeyAlgorithm algorithm = KeyAlgorithm::ec_p256,
                KeyUsages usages = KeyUsage::sign) {
        auto made = operations->generate_key({{label, 1}, algorithm, usages, false}, soon());
        if (!made) return std::unexpected(made.error());
        return {};
    }
    Result<Bytes> sign(const std::string& label) {
        return operations->sign({KeyId{label, 1}, SignAlgorithm::es256, KeyUsage::sign, Bytes(32)}, soon());
    }
    std::vector<std::string> child(const std::string& mode) const {
        return {SIGNET_OPERATIONS_CHILD, mode, token.pin_file().string(), token.token_directory().string()};
    }
    ChildProcess::Options child_options() const {
        ChildProcess::Options options;
        options.environment = {{"SOFTHSM2_CONF", token.conf().string()}};
        return options;
    }

    SoftHsmToken token;
    std::unique_ptr<TokenOperations> operations;
};

struct Mount {
    explicit Mount(const fs::path& place) : path(place) {}
    ~Mount() { umount2(path.c_str(), MNT_DETACH); }
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    fs::path path;
};

// What the token itself holds, read without any code that hides leftovers.
struct Objects {
    std::set<Bytes> private_ids;
    std::set<Bytes> public_ids;
    bool provisional = false;
};
Objects raw_objects(const SoftHsmToken& token) {
    const auto module = pkcs11::Module::load(SoftHsmToken::module()).value();
    const auto found = pkcs11::find_token(*module, token.label(), {}).value();
    auto session = pkcs11::Session::open(*module, found.slot, pkcs11::Access::read_only).value();
    EXPECT_TRUE(pkcs11::log_in(session, found, token.pin()));
    pkcs11::Template everything;
    everything.flag(CKA_TOKEN, true);
    Objects objects;
    const auto handles = session.find(everything).value();
    for (const auto handle : handles) {
        const auto read = session.read(handle, {CKA_CLASS, CKA_ID, CKA_LABEL}).value();
        const bool is_public = read.number(CKA_CLASS) == CKO_PUBLIC_KEY;
        objects.provisional = objects.provisional || is_provisional(read.text(CKA_LABEL));
        // Secret keys have no public half.
        if (decode_key_metadata(read.bytes(CKA_ID))->algorithm == KeyAlgorithm::hmac_256) continue;
        (is_public ? objects.public_ids : objects.private_ids).insert(to_bytes(read.bytes(CKA_ID)));
    }
    return objects;
}

TEST_F(Recovery, AProcessKilledWhileItMakesKeysLeavesNothingThatConfuses) {
    constexpr int kRounds = 12;
    const TokenObjectGuard guard(token.token_directory(), token.directory() / "copies");
    ASSERT_TRUE(guard.start(true));
    std::set<std::string> made;
    std::set<std::string> destroyed;
    std::set<std::string> in_doubt;  // begun, not acknowledged
    for (int round = 0; round < kRounds; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        const auto run = "run" + std::to_string(round);
        ChildProcess process(child(run), child_options());
        ASSERT_TRUE(process.wait_for_output("made", std::chrono::seconds(60))) << process.output();
        // Anywhere in the work: 0, 13, 26, … milliseconds later.
        std::this_thread::sleep_for(std::chrono::milliseconds(round * 13));
        process.signal(SIGKILL);
        ASSERT_EQ(process.wait(), -SIGKILL) << process.output();
        std::istringstream lines(process.output());
        std::string last;
        for (std::string what, label; lines >> what >> label;) {
            (what == "made" ? made : destroyed).insert(label);
            last = label;
        }
        // The last one made may have been on its way out.
        in_doubt.insert(last);

        const auto report = guard.start(true);
        ASSERT_TRUE(report);
        ASSERT_TRUE(report->broken.empty());
        open();
        const auto keys = operations->list_keys(soon()).value();
        std::set<std::string> there;
        for (const auto& key : keys) {
            there.insert(key.id.label);
            if (key.algorithm == KeyAlgorithm::hmac_256) {
                EXPECT_TRUE(operations->mac({key.id, MacAlgorithm::hs256, Bytes(4)}, soon()));
                continue;
            }
            const auto message = to_bytes(key.id.label);
            const auto signature = operations->sign(
                {key.id, SignAlgorithm::es256, KeyUsage::sign, digest(HashAlgorithm::sha256, message)},
                soon());
            ASSERT_TRUE(signature) << key.id.label;
            EXPECT_TRUE(testing::openssl_verifies(key.public_key, SignAlgorithm::es256, message, *signature));
        }
        for (const auto& label : made) {
            if (!destroyed.contains(label) && !in_doubt.contains(label)) {
                EXPECT_TRUE(there.contains(label)) << label;
            }
        }
        for (const auto& label : destroyed)
            EXPECT_FALSE(there.contains(label)) << label;
        // Nothing stands in the way of making keys.
        EXPECT_TRUE(make("after." + run));
        operations.reset();
        const auto objects = raw_objects(token);
        EXPECT_FALSE(objects.provisional);
        EXPECT_EQ(objects.private_ids, objects.public_ids);
        // The child runs as another user where the test is root.
        for (const auto& entry : fs::recursive_directory_iterator(token.token_directory())) {
            struct stat owner{};
            ASSERT_EQ(stat(token.token_directory().c_str(), &owner), 0);
            if (geteuid() != 0) continue;
            ASSERT_EQ(lchown(entry.path().c_str(), owner.st_uid, owner.st_gid), 0);
        }
    }
}

TEST_F(Recovery, ATokenWhoseDirectoryIsGoneIsUnavailableAndComesBackWithANewWorker) {
    open();
    ASSERT_TRUE(make("one"));
    ASSERT_TRUE(sign("one"));
    const auto away = token.directory() / "away";
    fs::rename(token.token_directory(), away);
    EXPECT_EQ(operations->probe().error().code, ErrorCode::token_unavailable);
    EXPECT_TRUE(operations->needs_restart());
    EXPECT_EQ(sign("one").error().code, ErrorCode::token_unavailable);
    operations.reset();
    EXPECT_EQ(TokenOperations::open(token.options(), token.pin()).error().code, ErrorCode::token_unavailable);
    fs::rename(away, token.token_directory());
    open();
    EXPECT_TRUE(sign("one"));
}

TEST_F(Recovery, ATokenThatWasAwayForAMomentIsNeverTakenForOneWithoutTheKey) {
    auto options = token.options();
    options.session_copies = false;
    operations = TokenOperations::open(options, token.pin()).value();
    ASSERT_TRUE(make("one"));
    ASSERT_TRUE(make("two"));
    const auto away = token.directory() / "away";
    fs::rename(token.token_directory(), away);
    EXPECT_EQ(sign("one").error().code, ErrorCode::token_unavailable);
    fs::rename(away, token.token_directory());
    const auto after = sign("one");
    if (!after) {
        EXPECT_EQ(after.error().code, ErrorCode::token_unavailable);
        EXPECT_TRUE(operations->needs_restart());
    }
    operations.reset();
    open();
    EXPECT_TRUE(sign("one"));
}

TEST_F(Recovery, AReadOnlyTokenSignsAndSaysWhyItMakesNoKeys) {
    open();
    ASSERT_TRUE(make("there"));
    operations.reset();
    // Directories without the right to write; the child is no root, for whom that means nothing.
    for (const auto& directory : {token.object_directory(), token.token_directory()})
        ASSERT_EQ(chmod(directory.c_str(), 0555), 0);
    for (const auto& entry : fs::directory_iterator(token.object_directory()))
        ASSERT_EQ(chmod(entry.path().c_str(), 0444), 0);
    const auto ended = testing::run(child("once"), child_options());
    EXPECT_NE(ended.output.find("sign ok"), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find("make token_read_only"), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find("list 1"), std::string::npos) << ended.output;
    for (const auto& directory : {token.token_directory(), token.object_directory()})
        ASSERT_EQ(chmod(directory.c_str(), 0700), 0);
}

TEST_F(Recovery, AFullDiskIsSaidAndTheTokenStaysWhole) {
    open();
    ASSERT_TRUE(make("there"));
    operations.reset();
    // The same token on a small file system of its own.
    const auto disk = token.token_directory();
    const auto aside = token.directory() / "aside";
    fs::rename(disk, aside);
    fs::create_directory(disk);
    if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=256k,mode=0777") != 0) {
        const int error = errno;
        fs::remove(disk);
        fs::rename(aside, disk);
        GTEST_SKIP() << "mounting a small file system: " << std::strerror(error);
    }
    const Mount mounted(disk);
    fs::copy(aside, disk, fs::copy_options::recursive);
    const auto filler = disk / "filler";
    {
        std::FILE* file = std::fopen(filler.c_str(), "w");
        const Bytes zeros(4096);
        while (file != nullptr && std::fwrite(zeros.data(), 1, zeros.size(), file) == zeros.size() &&
               std::fflush(file) == 0) {
        }
        if (file != nullptr) std::fclose(file);
    }
    open();
    EXPECT_TRUE(sign("there"));
    const auto made = make("one", KeyAlgorithm::rsa_2048);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::token_full) << made.error().message << made.error().detail;
    fs::remove(filler);
    EXPECT_TRUE(make("one")) << "as soon as there is room";
    EXPECT_EQ(operations->list_keys(soon())->size(), 2U);
    operations.reset();
}

// The rules hold in the token too: a worker that was taken over cannot use a key for anything else.
TEST_F(Recovery, SoftHsmItselfRefusesOtherMechanismsAndTemplates) {
    open();
    ASSERT_TRUE(make("signing", KeyAlgorithm::rsa_2048, KeyUsage::sign));
    ASSERT_TRUE(make("deriving", KeyAlgorithm::hmac_256, KeyUsage::mac));
    ASSERT_TRUE(make("wrap", KeyAlgorithm::aes_256, KeyUsage::wrap));
    ASSERT_TRUE(make("bind", KeyAlgorithm::hmac_256, KeyUsage::bind));
    const auto wrapped = operations->generate_wrapped(
        {{"wrap", 1}, {"bind", 1}, {"owner", "class", 0, 1, KeyAlgorithm::hmac_256, KeyUsage::mac}}, soon());
    ASSERT_TRUE(wrapped);
    operations.reset();

    const auto module = pkcs11::Module::load(SoftHsmToken::module()).value();
    const auto found = pkcs11::find_token(*module, token.label(), {}).value();
    auto session = pkcs11::Session::open(*module, found.slot, pkcs11::Access::read_write).value();
    ASSERT_TRUE(pkcs11::log_in(session, found, token.pin()));
    const auto key = [&session](const char* label, CK_OBJECT_CLASS object_class) {
        pkcs11::Template pattern;
        pattern.text(CKA_LABEL, label).number(CKA_CLASS, object_class);
        return session.find(pattern).value().at(0);
    };
    Bytes out(512);
    const auto signing = key("signing", CKO_PRIVATE_KEY);
    EXPECT_TRUE(session.sign(CKM_RSA_PKCS, signing, Bytes(32), out));
    EXPECT_FALSE(session.sign(CKM_RSA_X_509, signing, Bytes(256, 1), out));
    EXPECT_FALSE(session.decrypt(CKM_RSA_PKCS, signing, Bytes(256, 1), out));
    EXPECT_FALSE(session.sign(CKM_SHA_1_HMAC, key("deriving", CKO_SECRET_KEY), Bytes(4), out));

    const auto wrapping = key("wrap", CKO_SECRET_KEY);
    EXPECT_FALSE(session.wrap(CKM_AES_KEY_WRAP_PAD, wrapping, signing)) << "it is not extractable";
    EXPECT_FALSE(session.encrypt(CKM_AES_ECB, wrapping, Bytes(16), out));
    const auto unwrap = [&](bool on_token, bool sensitive) {
        pkcs11::Template attributes;
        attributes.number(CKA_CLASS, CKO_SECRET_KEY).number(CKA_KEY_TYPE, CKK_GENERIC_SECRET);
        attributes.flag(CKA_TOKEN, on_token).flag(CKA_PRIVATE, true).flag(CKA_SENSITIVE, sensitive);
        return session.unwrap(CKM_AES_KEY_WRAP_PAD, wrapping, wrapped->key.blob, attributes);
    };
    EXPECT_TRUE(unwrap(false, true));
    EXPECT_FALSE(unwrap(true, true)) << "CKA_UNWRAP_TEMPLATE keeps unwrapped keys off the token";
    EXPECT_FALSE(unwrap(false, false)) << "and sensitive";
}

TEST_F(Recovery, WhatIsDoneInClearIsOffUnlessItIsSwitchedOn) {
    auto options = token.options();
    options.in_clear = {};
    operations = TokenOperations::open(options, token.pin()).value();
    ASSERT_TRUE(make("decrypt", KeyAlgorithm::rsa_2048, KeyUsage::decrypt));
    ASSERT_TRUE(make("kek", KeyAlgorithm::rsa_2048, KeyUsage::unwrap));
    ASSERT_TRUE(make("wrap", KeyAlgorithm::aes_256, KeyUsage::wrap));
    ASSERT_TRUE(make("bind", KeyAlgorithm::hmac_256, KeyUsage::bind));
    const auto refused = [](const auto& answer, std::string_view name) {
        return !answer && answer.error().code == ErrorCode::failed_precondition &&
               answer.error().message.find(name) != std::string::npos;
    };
    const auto decrypt = [&](HashAlgorithm hash, std::string_view label = {}) {
        const auto spki = operations->find_key({"decrypt", 1}, soon())->public_key;
        return operations->decrypt(
            {KeyId{"decrypt", 1}, hash, hash, to_bytes(label),
             testing::openssl_oaep_encrypt(spki, hash, hash, to_bytes(label), to_bytes("secret"))},
            soon());
    };
    const auto import = [&] {
        const auto spki = operations->find_key({"kek", 1}, soon())->public_key;
        const auto hash = HashAlgorithm::sha256;
        return operations->import_secret({KeyId{"kek", 1},
                                          hash,
                                          hash,
                                          {},
                                          testing::openssl_oaep_encrypt(spki, hash, hash, {}, Bytes(16, 1)),
                                          {"owner", "class", 0, 1, KeyAlgorithm::aes_128, KeyUsage::payment},
                                          {"wrap", 1},
                                          {"bind", 1}},
                                         soon());
    };
    EXPECT_TRUE(decrypt(HashAlgorithm::sha1)) << "the token does this by itself";
    EXPECT_TRUE(refused(decrypt(HashAlgorithm::sha256), "software_oaep"));
    EXPECT_TRUE(refused(decrypt(HashAlgorithm::sha1, "label"), "software_oaep"));
    EXPECT_TRUE(refused(import(), "software_oaep"));
    EXPECT_TRUE(refused(operations->generate_clear({}, soon()), "merchant_keys"));

    operations.reset();
    options.in_clear = {.software_oaep = true, .merchant_keys = false};
    operations = TokenOperations::open(options, token.pin()).value();
    EXPECT_TRUE(decrypt(HashAlgorithm::sha256));
    EXPECT_TRUE(import());
    EXPECT_TRUE(refused(operations->generate_clear({}, soon()), "merchant_keys"));
}

TEST_F(Recovery, AnchorsSurviveAndTheHighestCounts) {
    open();
    ASSERT_TRUE(make("audit", KeyAlgorithm::ec_p256, KeyUsage::audit));
    ASSERT_TRUE(operations->sign_checkpoint({{"audit", 1}, 41, {}}, soon()));
    ASSERT_TRUE(operations->sign_checkpoint({{"audit", 1}, 42, {}, 41, {}}, soon()));
    operations.reset();
    open();
    EXPECT_EQ(operations->read_anchor(soon()).value()->sequence, 42U);
    EXPECT_EQ(operations->sign_checkpoint({{"audit", 1}, 41, {}}, soon()).error().code,
              ErrorCode::token_refused);
}

TEST_F(Recovery, TheRawBenchMeasuresTheTokensOwnKeys) {
    open();
    ASSERT_TRUE(make("signing", KeyAlgorithm::ec_p256, KeyUsage::sign));
    ASSERT_TRUE(make("mac", KeyAlgorithm::hmac_256, KeyUsage::mac));
    operations.reset();
    const auto results =
        raw_bench(token.options(), token.pin(),
                  {{{"signing", 1}, SignAlgorithm::es256}, {{"mac", 1}, MacAlgorithm::hs256}}, 2, 0.2);
    ASSERT_TRUE(results) << results.error().message;
    ASSERT_EQ(results->size(), 2U);
    EXPECT_EQ((*results)[0].algorithm, "ES256");
    EXPECT_EQ((*results)[1].algorithm, "HS256");
    for (const auto& result : *results) {
        EXPECT_GT(result.operations, 0U);
        EXPECT_GT(result.operations_per_second, 0);
        EXPECT_GT(result.cpu_us, 0);
    }
    EXPECT_EQ(
        raw_bench(token.options(), token.pin(), {{{"none", 1}, SignAlgorithm::es256}}, 1, 0.1).error().code,
        ErrorCode::not_found);
    EXPECT_EQ(
        raw_bench(token.options(), token.pin(), {{{"mac", 1}, SignAlgorithm::es256}}, 1, 0.1).error().code,
        ErrorCode::token_refused);
    EXPECT_EQ(raw_bench(token.options(), token.pin(), {}, 0, 1).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace signet::token
