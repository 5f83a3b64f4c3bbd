// Verification of an export, offline.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "sqlite/audit_export.h"
#include "sqlite/audit_verify.h"

namespace signet::sqlite {
namespace {

// Lines of a file, through one buffer.
class LineFile {
  public:
    static Result<LineFile> open(const std::filesystem::path& path) {
        UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd) {
            const int error = errno;
            return fail(error == ENOENT ? ErrorCode::not_found : ErrorCode::permission_denied,
                        "cannot open " + path.string() + ": " + std::strerror(error));
        }
        return LineFile(std::move(fd), path);
    }

    // The next line without its newline, valid until the next call; false at the end of the file.
    // `whole` is false for a last line without newline, and for one that is longer than a line may be.
    Result<bool> next(std::string_view& line, bool& whole) {
        while (true) {
            const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
            if (const auto newline = rest.find('\n', searched_); newline != std::string_view::npos) {
                line = rest.substr(0, newline);
                begin_ += newline + 1;
                searched_ = 0;
                whole = true;
                return true;
            }
            searched_ = rest.size();
            if (at_end_ || rest.size() > kMaxExportLine) {
                line = rest;
                begin_ = end_;
                searched_ = 0;
                whole = false;
                return !rest.empty();
            }
            SIGNET_TRY(fill());
        }
    }

  private:
    LineFile(UniqueFd fd, std::filesystem::path path)
        : fd_(std::move(fd)), path_(std::move(path)), buffer_(2 * kMaxExportLine, '\0') {}

    Status fill() {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        while (true) {
            const auto got = ::read(fd_.get(), buffer_.data() + end_, buffer_.size() - end_);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0)
                return fail(ErrorCode::storage_failed,
                            "cannot read " + path_.string() + ": " + std::strerror(errno));
            if (got == 0) at_end_ = true;
            end_ += static_cast<std::size_t>(got);
            return {};
        }
    }

    UniqueFd fd_;
    std::filesystem::path path_;
    std::string buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t searched_ = 0;  // of the rest, holds no newline
    bool at_end_ = false;
};

void check_end(ChainVerifier& verifier, const std::optional<ExportEnd>& end) {
    const auto& seen = verifier.so_far();
    const auto last = std::to_string(seen.head.sequence);
    if (!end)
        verifier.add(AuditFault::truncated, seen.head.sequence,
                     "the file ends after record " + last + " without its last line");
    else if (end->head != seen.head || end->records != seen.records)
        verifier.add(AuditFault::truncated, seen.head.sequence,
                     "the file's last line speaks of " + std::to_string(end->records) + " records up to " +
                         std::to_string(end->head.sequence) + ", but it holds " +
                         std::to_string(seen.records) + " up to " + last);
}

}  // namespace

Result<AuditReport> verify_export(const std::filesystem::path& path, const AuditVerifyOptions& options) {
    SIGNET_ASSIGN(auto file, LineFile::open(path));
    std::string_view text;
    bool whole = false;
    ExportLine line;
    SIGNET_ASSIGN(const bool first, file.next(text, whole));
    if (!first || !whole || !parse_line(text, line) || !std::holds_alternative<ExportStart>(line))
        return fail(ErrorCode::invalid_argument, path.string() + " is not an export of the audit chain");
    ChainVerifier verifier(std::get<ExportStart>(line).base, options);
    std::optional<ExportEnd> end;
    for (std::uint64_t number = 2;; ++number) {
        SIGNET_ASSIGN(const bool more, file.next(text, whole));
        if (!more) break;
        const auto malformed = [&](const std::string& what) {
            verifier.add(AuditFault::malformed, verifier.so_far().head.sequence,
                         "line " + std::to_string(number) + " " + what);
        };
        if (end) {
            malformed("stands after the end of the export");
            break;
        }
        if (!whole || !parse_line(text, line)) {
            malformed("is not one of an export");
        } else if (const auto* record = std::get_if<ChainedRecord>(&line)) {
            verifier.record(record->record, record->hash);
        } else if (const auto* checkpoint = std::get_if<Checkpoint>(&line)) {
            SIGNET_TRY(verifier.checkpoint(*checkpoint));
        } else if (const auto* last = std::get_if<ExportEnd>(&line)) {
            end = *last;
        } else {
            malformed("begins another export");
        }
        if (number % options.chunk == 0 && options.progress &&
            !options.progress(verifier.so_far().head.sequence))
            return fail(ErrorCode::cancelled, "the verification was ended before the end of the file");
    }
    check_end(verifier, end);
    return verifier.finish();
}

}  // namespace signet::sqlite
