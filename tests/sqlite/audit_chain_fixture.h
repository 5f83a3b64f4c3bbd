// A chain with checkpoints whose "signatures" a test can check and forge.
#pragma once

#include <fstream>
#include <sstream>
#include <vector>

#include "base/digest.h"
#include "base/wire.h"
#include "sqlite/audit_export.h"
#include "sqlite/audit_verify.h"
#include "tests/sqlite/database_fixture.h"

namespace signet::sqlite {

// Stands for the token's key: SHA-256 over a secret and the head.
inline Bytes fake_signature(const ChainHead& head) {
    WireWriter wire;
    wire.text("the test's signing key");
    wire.number(head.sequence);
    wire.raw(head.hash);
    return to_bytes(sha256(wire.buffer()));
}

class AuditChainTest : public DatabaseTest {
  protected:
    // Records up to `count`, a checkpoint after each `every`.
    void fill(std::uint64_t count, std::uint64_t every) {
        auto writer = start();
        for (std::uint64_t i = 1; i <= count; ++i) {
            must(writer->append(record_of("object-" + std::to_string(i), "{\"n\":\"\\\"\x01ü\"}")));
            if (i % every == 0) sign_head(*writer);
            clock.advance(std::chrono::seconds(1));
        }
    }
    void sign_head(Writer& writer) {
        const auto head = writer.head();
        must(writer.run([&](Transaction& transaction) {
            return audit_log::add_checkpoint(transaction, Checkpoint{.head = head,
                                                                     .time_ms = to_unix_ms(clock.now()),
                                                                     .key_label = "audit",
                                                                     .key_version = 1,
                                                                     .algorithm = "ES256",
                                                                     .signature = fake_signature(head)});
        }));
    }
    static AuditVerifyOptions options() {
        AuditVerifyOptions options;
        options.chunk = 7;
        options.check_signature = [](const Checkpoint& checkpoint) -> Result<bool> {
            return checkpoint.signature == fake_signature(checkpoint.head);
        };
        return options;
    }
    AuditReport verify(const AuditVerifyOptions& with = options()) const {
        auto db = read_only();
        return must(verify_database(db, with));
    }
    // Changes the file as somebody would who has it.
    void tamper(const std::string& sql) const {
        auto db = open();
        must(db.execute(
            "DROP TRIGGER IF EXISTS audit_records_unchanged; DROP TRIGGER IF EXISTS audit_records_kept"));
        must(db.execute(sql));
    }
    static bool found(const AuditReport& report, AuditFault fault) {
        for (const auto& finding : report.findings)
            if (finding.fault == fault) return true;
        return false;
    }

    std::filesystem::path export_all() const {
        auto db = read_only();
        const auto file = directory / "export.jsonl";
        must(export_audit(db, file, {}));
        return file;
    }
    static std::vector<std::string> lines_of(const std::filesystem::path& file) {
        std::ifstream in(file);
        std::vector<std::string> lines;
        for (std::string line; std::getline(in, line);)
            lines.push_back(line);
        return lines;
    }
    AuditReport verify_lines(const std::vector<std::string>& lines,
                             const AuditVerifyOptions& with = options()) const {
        const auto file = directory / "changed.jsonl";
        {
            std::ofstream out(file, std::ios::trunc);
            for (const auto& line : lines)
                out << line << '\n';
        }
        return must(verify_export(file, with));
    }
};

}  // namespace signet::sqlite
