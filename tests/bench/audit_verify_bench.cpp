// How long the offline verification of a million audit records takes. Usage: audit_verify_bench [DIRECTORY [RECORDS]]
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "base/random.h"
#include "sqlite/audit_export.h"
#include "sqlite/output_file.h"

int main(int argc, char** argv) {
    using namespace signet;
    using namespace signet::sqlite;
    const auto path = std::filesystem::path(argc > 1 ? argv[1] : ".") / ("bench-" + random_id() + ".jsonl");
    const std::uint64_t count = argc > 2 ? std::stoull(argv[2]) : 1'000'000;

    auto file = OutputFile::create(path);
    if (!file) return 1;
    std::string line;
    append_line(line, ExportStart{});
    ChainHead head;
    ChainedRecord record;
    record.record.time_ms = 1'700'000'000'000;
    record.record.request_id = "Wq3tq0Zb5mS1xq2rT9vYbA";
    record.record.principal = "gateway";
    record.record.action = "keys.sign";
    record.record.object = "document.signing/1";
    record.record.outcome = "ok";
    record.record.details =
        R"({"algorithm":"ES256","digest":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"})";
    for (std::uint64_t i = 1; i <= count; ++i) {
        record.record.sequence = i;
        record.hash = chain_hash(head.hash, record.record);
        head = {i, record.hash};
        append_line(line, record);
        if (!file->write(line)) return 1;
        line.clear();
    }
    append_line(line, ExportEnd{head, count});
    if (!file->write(line) || !file->finish()) return 1;

    const auto start = std::chrono::steady_clock::now();
    const auto report = verify_export(path, {});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    std::filesystem::remove(path);
    if (!report || !report->ok() || report->records != count) return 1;
    std::printf("%llu records, %.0f MB: %.2f s\n", static_cast<unsigned long long>(count),
                static_cast<double>(file->size()) / 1e6, took.count());
}
