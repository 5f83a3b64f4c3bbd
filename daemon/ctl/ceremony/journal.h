// The durable journal of a ceremony: what was begun, what was done, and who confirmed it. A ceremony that was interrupted
// goes on where its journal ends.
//
// One JSON object a line, each synced before the ceremony goes on:
//   {"journal":"signet-ceremony-1","file_sha256":"…","rehearsal":false}
//   {"time":"…","step":"key:example.root","state":"begun","data":{…}}
//   {"time":"…","step":"key:example.root","state":"done","data":{…}}
// A last line that was cut short by a crash counts as not written.
#pragma once

#include <boost/json/fwd.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/unique_fd.h"

namespace signet::ctl::ceremony {

class Journal {
  public:
    // Opens the journal of this very file, or begins it. Errors: conflict (another ceremony's journal, or one that another
    // process works on), storage_failed.
    static Result<Journal> open(const std::filesystem::path& path, const Sha256& file, bool rehearsal,
                                const Clock& clock);
    Journal(Journal&&) noexcept;
    ~Journal();

    // The data of the step's line in that state ("begun", "done"); null when there is none.
    const boost::json::object* find(std::string_view step, std::string_view state) const;
    // Every line but the first, in order.
    const boost::json::array& lines() const;
    // Returns when it is on disk.
    Status write(std::string_view step, std::string_view state, boost::json::object data);
    // Times that an earlier run ended before the ceremony did.
    std::size_t interruptions() const;

  private:
    struct Content;
    Journal(UniqueFd fd, std::unique_ptr<Content> content, const Clock& clock);
    Status append(const boost::json::object& line);

    UniqueFd fd_;
    std::unique_ptr<Content> content_;
    const Clock* clock_;
};

}  // namespace signet::ctl::ceremony
