// The process's log: to the journal when systemd connected it (structured fields, stable MESSAGE_ID), else to
// stderr.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace signet::log {

enum class Level { debug, info, warning, error };

// Called once at start. `level` is one of debug, info, warning, error.
void set_up(std::string_view program, std::string_view level);

using Field = std::pair<std::string_view, std::string>;

// `event` is a stable dotted name ("token.worker.restarted"); the journal carries it as SIGNET_EVENT and,
// where base/log_catalog.h lists it, as a MESSAGE_ID. Fields become SIGNET_<NAME>. Secrets never enter a
// message or a field.
void write(Level level, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields = {});

inline void debug(std::string_view event, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
    write(Level::debug, event, message, fields);
}
inline void info(std::string_view event, std::string_view message, std::initializer_list<Field> fields = {}) {
    write(Level::info, event, message, fields);
}
inline void warning(std::string_view event, std::string_view message,
                    std::initializer_list<Field> fields = {}) {
    write(Level::warning, event, message, fields);
}
inline void error(std::string_view event, std::string_view message,
                  std::initializer_list<Field> fields = {}) {
    write(Level::error, event, message, fields);
}

}  // namespace signet::log
