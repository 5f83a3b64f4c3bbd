#include "daemon/ctl/appliance_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/encoding.h"
#include "base/file.h"
#include "base/random.h"
#include "base/secret.h"
#include "daemon/ctl/programs.h"

namespace signet::ctl {

namespace fs = std::filesystem;

Status make_directories(const fs::path& directory) {
    struct Made {
        std::string_view name;
        mode_t mode;
    };
    constexpr Made kDirectories[] = {{"secrets", 0700}, {"tokens", 0700},  {"data", 0700},
                                     {"state", 0700},   {"run", 0755},     {"ca", 0755},
                                     {"tls", 0755},     {"archive", 0700}, {"backup", 0700}};
    for (const auto& [name, mode] : kDirectories) {
        const auto path = directory / name;
        if ((::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) || ::chmod(path.c_str(), mode) != 0)
            return fail(ErrorCode::internal, "cannot make " + path.string() + ": " + std::strerror(errno));
    }
    return {};
}

Status write_pin(const fs::path& path) {
    auto bytes = random_bytes(24);
    auto pin = to_base64url(bytes);
    wipe(bytes);
    const auto written = write_file_atomic(path, as_bytes(pin), 0600);
    wipe(pin);
    return written;
}

Status write_text(const fs::path& path, const std::string& text, mode_t mode) {
    return write_file_atomic(path, as_bytes(text), mode);
}

Status init_token(const fs::path& directory) {
    SIGNET_ASSIGN(const auto program, find_program("signetd-token"));
    SIGNET_ASSIGN(const auto finished,
                  run_program(program,
                              {"init-token", "--config", (directory / "token.yaml").string(), "--so-pin-file",
                               (directory / "secrets" / "so-pin").string()},
                              std::chrono::seconds(60)));
    if (finished.code != 0) {
        auto text = finished.errors;
        while (text.ends_with('\n'))
            text.pop_back();
        return fail(ErrorCode::token_unavailable,
                    "the token could not be initialised: " + text.substr(text.rfind('\n') + 1));
    }
    return {};
}

}  // namespace signet::ctl
