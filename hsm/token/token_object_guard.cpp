#include "hsm/token/token_object_guard.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/unique_fd.h"
#include "base/wire.h"

namespace signet::token {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConf = 65536;
constexpr std::size_t kMaxTokenObject = std::size_t{1} << 20;
constexpr mode_t kProtected = 0400;
constexpr mode_t kWritable = 0600;

// SoftHSM's own attributes of a token (OSAttributes.h) and kinds of values (OSAttribute.h).
constexpr std::uint64_t kOsLabel = 0x80005349;
constexpr std::uint64_t kOsSerial = 0x8000534A;
constexpr std::uint64_t kOsSoPin = 0x8000534C;
constexpr std::uint64_t kOsUserPin = 0x8000534D;
enum class Kind : std::uint64_t { boolean = 1, number = 2, bytes = 3, attributes = 4, mechanisms = 5 };

std::unexpected<Error> system_failure(const std::string& what, const fs::path& path) {
    const int error = errno;
    return fail(ErrorCode::token_unavailable, what, path.string() + ": " + std::strerror(error));
}

std::string_view trimmed(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!text.empty() && blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && blank(text.back()))
        text.remove_suffix(1);
    return text;
}

// The token directories: those with a token.object, whatever is in it.
Result<std::vector<fs::path>> tokens_in(const fs::path& directory) {
    std::error_code error;
    std::vector<fs::path> tokens;
    for (fs::directory_iterator entries(directory, error), end; !error && entries != end;
         entries.increment(error)) {
        std::error_code ignored;
        if (fs::exists(entries->path() / "token.object", ignored)) tokens.push_back(entries->path());
    }
    if (error) {
        return fail(ErrorCode::token_unavailable,
                    "the token's directory " + directory.string() + " cannot be read; bring it back",
                    error.message());
    }
    return tokens;
}

// Follows no link and never makes the file more open than `mode`.
Status set_mode(const fs::path& file, mode_t mode) {
    const UniqueFd opened(open(file.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    const auto by_descriptor = "/proc/self/fd/" + std::to_string(opened.get());
    if (!opened || chmod(by_descriptor.c_str(), mode) != 0) {
        return system_failure("the mode of token.object could not be changed", file);
    }
    return {};
}

fs::path copy_of(const fs::path& copies, const fs::path& token) {
    return copies / (token.filename().string() + ".token.object");
}

Status write_copy(const fs::path& copies, const fs::path& token, std::string_view content) {
    if (mkdir(copies.c_str(), 0700) != 0 && errno != EEXIST) {
        return system_failure("the directory for copies of token.object could not be made", copies);
    }
    return write_file_atomic(copy_of(copies, token), as_bytes(content), kWritable);
}

// The restored file belongs to whom the directory belongs, also where root repairs it.
Status restore(const fs::path& token, std::string_view content) {
    const auto file = token / "token.object";
    SIGNET_TRY(write_file_atomic(file, as_bytes(content), kProtected));
    struct stat owner{};
    if (stat(token.c_str(), &owner) != 0 ||
        (geteuid() == 0 && chown(file.c_str(), owner.st_uid, owner.st_gid) != 0)) {
        return system_failure("the restored token.object could not be given to its owner", file);
    }
    return {};
}

// SoftHSM makes an object's file before it writes it; a kill in between leaves it empty for good.
Result<std::vector<std::string>> remove_empty_objects(const fs::path& token) {
    std::vector<std::string> removed;
    std::error_code error;
    for (fs::directory_iterator entries(token, error), end; !error && entries != end;
         entries.increment(error)) {
        const auto& file = entries->path();
        std::error_code ignored;
        if (file.extension() != ".object" || file.filename() == "token.object") continue;
        if (!entries->is_regular_file(ignored) || entries->file_size(ignored) != 0) continue;
        if (unlink(file.c_str()) != 0)
            return system_failure("an empty object file could not be removed", file);
        removed.push_back(file.string());
        unlink(fs::path(file).replace_extension(".lock").c_str());
    }
    if (error)
        return fail(ErrorCode::token_unavailable, "the token's directory cannot be read", error.message());
    return removed;
}

}  // namespace

Result<fs::path> softhsm_token_directory(const fs::path& softhsm2_conf) {
    SIGNET_ASSIGN(const auto content, read_file(softhsm2_conf, kMaxConf));
    std::string_view rest = content;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('\n'), rest.size());
        const auto line = trimmed(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto equals = line.find('=');
        if (line.starts_with('#') || equals == std::string_view::npos) continue;
        if (trimmed(line.substr(0, equals)) == "directories.tokendir")
            return fs::path(trimmed(line.substr(equals + 1)));
    }
    return fail(ErrorCode::failed_precondition,
                softhsm2_conf.string() + " has no line 'directories.tokendir = …'; add it");
}

bool is_whole_token_object(ByteView content) {
    WireReader reader(content);
    (void)reader.number<std::uint64_t>();  // generation
    std::set<std::uint64_t> types;
    while (reader.ok() && reader.remaining() > 0) {
        types.insert(reader.number<std::uint64_t>());
        switch (static_cast<Kind>(reader.number<std::uint64_t>())) {
            case Kind::boolean:
                (void)reader.number<std::uint8_t>();
                break;
            case Kind::number:
                (void)reader.number<std::uint64_t>();
                break;
            case Kind::bytes:
            case Kind::attributes:
                (void)reader.raw(reader.number<std::uint64_t>());
                break;
            case Kind::mechanisms: {
                const auto count = reader.number<std::uint64_t>();
                if (count > content.size() / 8) return false;
                (void)reader.raw(count * 8);
                break;
            }
            default:
                return false;
        }
    }
    if (!reader.finished()) return false;
    for (const auto needed : {kOsLabel, kOsSerial, kOsSoPin, kOsUserPin}) {
        if (!types.contains(needed)) return false;
    }
    return true;
}

TokenObjectGuard::TokenObjectGuard(fs::path token_directory, fs::path copies)
    : token_directory_(std::move(token_directory)), copies_(std::move(copies)) {}

Result<TokenObjectGuard::Report> TokenObjectGuard::start(bool cold) const {
    Report report;
    SIGNET_ASSIGN(const auto tokens, tokens_in(token_directory_));
    for (const auto& token : tokens) {
        const auto file = token / "token.object";
        SIGNET_ASSIGN(const auto content, read_file(file, kMaxTokenObject));
        const auto copy = read_file(copy_of(copies_, token), kMaxTokenObject);
        if (is_whole_token_object(as_bytes(content))) {
            SIGNET_TRY(set_mode(file, kProtected));
            if (!copy) SIGNET_TRY(write_copy(copies_, token, content));
        } else if (copy && is_whole_token_object(as_bytes(*copy))) {
            SIGNET_TRY(restore(token, *copy));
            report.restored.push_back(token.filename().string());
        } else {
            report.broken.push_back(token.filename().string());
        }
        if (!cold) continue;
        SIGNET_ASSIGN(const auto removed, remove_empty_objects(token));
        report.removed_objects.insert(report.removed_objects.end(), removed.begin(), removed.end());
    }
    return report;
}

Status TokenObjectGuard::keep() const {
    SIGNET_ASSIGN(const auto tokens, tokens_in(token_directory_));
    for (const auto& token : tokens) {
        const auto file = token / "token.object";
        SIGNET_ASSIGN(const auto content, read_file(file, kMaxTokenObject));
        // A broken file never takes the place of a good copy.
        if (!is_whole_token_object(as_bytes(content))) {
            return fail(ErrorCode::token_unavailable,
                        file.string() + " is damaged; its copy is kept as it was");
        }
        const UniqueFd opened(open(file.c_str(), O_RDONLY | O_CLOEXEC));
        if (!opened || fsync(opened.get()) != 0)
            return system_failure("token.object could not be synced to disk", file);
        SIGNET_TRY(write_copy(copies_, token, content));
        SIGNET_TRY(set_mode(file, kProtected));
    }
    return {};
}

Status TokenObjectGuard::release() const {
    SIGNET_ASSIGN(const auto tokens, tokens_in(token_directory_));
    for (const auto& token : tokens)
        SIGNET_TRY(set_mode(token / "token.object", kWritable));
    return {};
}

Result<WritableTokenObject> WritableTokenObject::begin(const TokenObjectGuard& guard) {
    SIGNET_TRY(guard.release());
    return WritableTokenObject(guard);
}

WritableTokenObject::WritableTokenObject(WritableTokenObject&& other) noexcept
    : guard_(std::exchange(other.guard_, nullptr)) {}

WritableTokenObject::~WritableTokenObject() {
    if (guard_ != nullptr) (void)guard_->keep();
}

Status WritableTokenObject::finish() {
    return std::exchange(guard_, nullptr)->keep();
}

}  // namespace signet::token
