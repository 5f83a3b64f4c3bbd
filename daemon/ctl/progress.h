// How far long work is: a bar that redraws itself on a terminal, now and then a plain line elsewhere, nothing with --json.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "daemon/ctl/output.h"

namespace signet::ctl {

class Progress {
  public:
    // `total` 0: unknown; then the time that passed is shown, also while nobody calls `at` (a key that is being made).
    // Nothing is shown before a second has passed.
    Progress(Output& out, std::string title, std::uint64_t total = 0);
    // Leaves the line empty on a terminal.
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void at(std::uint64_t done);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// "verifying  [#########-----------]  45 %  00:12": 72 columns at most. `total` 0: without bar.
std::string progress_line(std::string_view title, std::uint64_t done, std::uint64_t total,
                          std::uint64_t seconds);

}  // namespace signet::ctl
