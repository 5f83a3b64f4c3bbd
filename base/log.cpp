#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

#include "base/log_background.h"
#include "base/log_catalog.h"

namespace signet::log {
namespace {

bool to_journal = false;
std::string program_name = "signet";

// systemd sets JOURNAL_STREAM to the device and inode of the stderr it connected (systemd.exec(5)).
bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat info{};
    if (stream == nullptr || fstat(STDERR_FILENO, &info) != 0) return false;
    return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) == stream;
}

spdlog::level::level_enum spdlog_level(Level level) {
    switch (level) {
        case Level::debug:
            return spdlog::level::debug;
        case Level::info:
            return spdlog::level::info;
        case Level::warning:
            return spdlog::level::warn;
        case Level::error:
            return spdlog::level::err;
    }
    return spdlog::level::err;
}

int syslog_priority(Level level) {
    switch (level) {
        case Level::debug:
            return LOG_DEBUG;
        case Level::info:
            return LOG_INFO;
        case Level::warning:
            return LOG_WARNING;
        case Level::error:
            return LOG_ERR;
    }
    return LOG_ERR;
}

void send_to_journal(const Entry& entry) {
    std::vector<std::string> entries;
    entries.push_back("MESSAGE=" + entry.message);
    entries.push_back("PRIORITY=" + std::to_string(syslog_priority(entry.level)));
    entries.push_back("SYSLOG_IDENTIFIER=" + program_name);
    entries.push_back("SIGNET_EVENT=" + entry.event);
    static_assert(std::ranges::is_sorted(kCatalog, {}, &CatalogEntry::event));
    const auto known =
        std::ranges::lower_bound(kCatalog, std::string_view(entry.event), {}, &CatalogEntry::event);
    if (known != kCatalog.end() && known->event == entry.event)
        entries.push_back("MESSAGE_ID=" + std::string(known->message_id));
    for (const auto& [name, value] : entry.fields) {
        std::string field = "SIGNET_";
        for (const char c : name)
            field += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        entries.push_back(field + "=" + value);
    }
    std::vector<iovec> vectors;
    vectors.reserve(entries.size());
    for (auto& text : entries)
        vectors.push_back({text.data(), text.size()});
    sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size()));
}

// A line break in a field would let its author write log lines of their own.
std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            out += '?';
        else
            out += c;
    }
    return out;
}

}  // namespace

void set_up(std::string_view program, std::string_view level) {
    const auto wanted = level == "debug"     ? spdlog::level::debug
                        : level == "warning" ? spdlog::level::warn
                        : level == "error"   ? spdlog::level::err
                                             : spdlog::level::info;
    static bool done = false;
    // A reload: other threads log with the logger that there is.
    if (std::exchange(done, true) && program == program_name)
        return spdlog::default_logger_raw()->set_level(wanted);
    program_name = program;
    to_journal = stderr_is_journal();
    auto logger = std::make_shared<spdlog::logger>(std::string(program),
                                                   std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %n %l: %v", spdlog::pattern_time_type::utc);
    logger->set_level(wanted);
    spdlog::set_default_logger(std::move(logger));
}

void detail::deliver(const Entry& entry) {
    if (to_journal) return send_to_journal(entry);
    std::string line = printable(entry.message) + " event=" + entry.event;
    for (const auto& [name, value] : entry.fields)
        line += " " + name + "=" + printable(value);
    spdlog::default_logger_raw()->log(spdlog_level(entry.level), "{}", line);
}

void write(Level level, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields) {
    if (!spdlog::default_logger_raw()->should_log(spdlog_level(level))) return;
    if (detail::queue(level, event, message, fields)) return;
    Entry entry{level, std::string(event), std::string(message), {}};
    for (const auto& [name, value] : fields)
        entry.fields.emplace_back(name, value);
    detail::deliver(entry);
}

}  // namespace signet::log
