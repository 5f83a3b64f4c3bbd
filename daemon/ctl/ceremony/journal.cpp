#include "daemon/ctl/ceremony/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstring>

#include "base/encoding.h"
#include "base/file.h"

namespace signet::ctl::ceremony {
namespace {

namespace json = boost::json;

constexpr std::string_view kJournalFormat = "signet-ceremony-1";

std::unexpected<Error> cannot(const std::string& what, const std::filesystem::path& path) {
    return fail(errno == ENOSPC ? ErrorCode::storage_full : ErrorCode::storage_failed,
                "cannot " + what + " the ceremony's journal " + path.string(), std::strerror(errno));
}

std::string text(const json::object& object, std::string_view member) {
    const auto* value = object.if_contains(member);
    const auto* string = value == nullptr ? nullptr : value->if_string();
    return string == nullptr ? std::string() : std::string(string->data(), string->size());
}

Status sync_directory(const std::filesystem::path& path) {
    const UniqueFd directory(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory && fsync(directory.get()) == 0) return {};
    return cannot("sync the directory of", path);
}

}  // namespace

struct Journal::Content {
    std::filesystem::path path;
    json::array lines;
};

Journal::Journal(UniqueFd fd, std::unique_ptr<Content> content, const Clock& clock)
    : fd_(std::move(fd)), content_(std::move(content)), clock_(&clock) {}
Journal::Journal(Journal&&) noexcept = default;
Journal::~Journal() = default;

Result<Journal> Journal::open(const std::filesystem::path& path, const Sha256& file, bool rehearsal,
                              const Clock& clock) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return cannot("open", path);
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(ErrorCode::conflict, "another process works on this ceremony: " + path.string());
    SIGNET_TRY(sync_directory(path));
    SIGNET_ASSIGN(auto content, read_file(path));
    // What a crash cut short was never acted upon.
    const auto whole = content.rfind('\n') == std::string::npos ? 0 : content.rfind('\n') + 1;
    if (whole != content.size() && ftruncate(fd.get(), static_cast<off_t>(whole)) != 0)
        return cannot("mend", path);
    content.resize(whole);

    auto parsed = std::make_unique<Content>();
    parsed->path = path;
    bool first = true;
    for (std::size_t at = 0; at < content.size();) {
        const auto end = content.find('\n', at);
        boost::system::error_code malformed;
        const auto line = json::parse(std::string_view(content).substr(at, end - at), malformed);
        if (malformed || !line.is_object())
            return fail(ErrorCode::conflict,
                        path.string() + " is damaged; compare it with the audit chain before going on");
        at = end + 1;
        const auto& object = line.get_object();
        if (!first) {
            parsed->lines.push_back(line);
            continue;
        }
        first = false;
        const auto* mark = object.if_contains("rehearsal");
        if (text(object, "journal") != kJournalFormat || text(object, "file_sha256") != to_hex(file) ||
            mark == nullptr || !mark->is_bool() || mark->get_bool() != rehearsal)
            return fail(ErrorCode::conflict, path.string() + " is the journal of another ceremony");
    }
    Journal journal(std::move(fd), std::move(parsed), clock);
    if (first) {
        SIGNET_TRY(journal.append(json::object{
            {"journal", kJournalFormat}, {"file_sha256", to_hex(file)}, {"rehearsal", rehearsal}}));
    } else if (journal.find("ceremony", "done") == nullptr) {
        SIGNET_TRY(journal.write("ceremony", "resumed", {}));
    }
    return journal;
}

Status Journal::append(const json::object& line) {
    const auto written = json::serialize(line) + "\n";
    if (::write(fd_.get(), written.data(), written.size()) != static_cast<ssize_t>(written.size()))
        return cannot("write", content_->path);
    if (fdatasync(fd_.get()) != 0) return cannot("sync", content_->path);
    return {};
}

const json::object* Journal::find(std::string_view step, std::string_view state) const {
    for (const auto& line : content_->lines) {
        const auto& object = line.get_object();
        if (text(object, "step") != step || text(object, "state") != state) continue;
        const auto* data = object.if_contains("data");
        return data == nullptr ? nullptr : data->if_object();
    }
    return nullptr;
}

const json::array& Journal::lines() const {
    return content_->lines;
}

Status Journal::write(std::string_view step, std::string_view state, json::object data) {
    json::object line{
        {"time", to_rfc3339(clock_->now())}, {"step", step}, {"state", state}, {"data", std::move(data)}};
    SIGNET_TRY(append(line));
    content_->lines.push_back(std::move(line));
    return {};
}

std::size_t Journal::interruptions() const {
    std::size_t count = 0;
    for (const auto& line : content_->lines)
        if (text(line.get_object(), "state") == "resumed") ++count;
    return count;
}

}  // namespace signet::ctl::ceremony
