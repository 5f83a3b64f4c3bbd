// A ceremony carried out: one step after the other, each journaled before and after, so that an interruption at any point
// loses nothing and repeats nothing.
#pragma once

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "daemon/ctl/ceremony/journal.h"
#include "daemon/ctl/ceremony/plan.h"
#include "daemon/ctl/ceremony/site.h"
#include "daemon/ctl/ceremony/terminal.h"
#include "daemon/ctl/offline.h"
#include "daemon/ctl/output.h"
#include "hsm/pki/certificate.h"

namespace signet::ctl::ceremony {

class Executor {
  public:
    struct Parts {
        const Plan& plan;
        const Site& site;
        Terminal& terminal;
        Output& out;
        const Clock& clock;
        bool pauses = true;  // the operator goes on by Enter; officers confirm in any case
    };
    explicit Executor(Parts parts);
    ~Executor();

    // Runs what the journal has not yet. Stops with the first error; everything unexpected is one.
    Status run();
    // Of the transcript, once `run` ended well.
    const std::filesystem::path& transcript() const { return transcript_; }

  private:
    using Data = boost::json::object;
    struct Step {
        std::string id;     // "key:example.root"
        std::string title;  // for people
        std::function<Result<Data>(const Data& begun, bool resumed)> act;
        // What `begun` says, decided before anything is done.
        std::function<Result<Data>()> prepare{};
        // Of a step that an earlier run did: that its effect is still there.
        std::function<Status(const Data& done)> check{};
        std::string officers_confirm{};  // what they confirm; empty: no confirmation
    };

    void plan_steps();
    Step key_step(const PlannedKey& key);
    Step certificate_step(const PlannedCertificate& planned);
    Step destroy_step(const Destruction& destruction);
    Status run_step(const Step& step, std::size_t number);
    Status attendance();
    Result<Data> prepare_key(const PlannedKey& key);
    Result<Data> make_key(const PlannedKey& key, bool resumed);
    Status check_key(const PlannedKey& key, const Data& done);
    Result<Data> issue(const PlannedCertificate& planned, const Data& begun);
    Result<Data> destroy(const Destruction& destruction, bool resumed);
    struct Issuer {
        std::string key;
        std::optional<pki::Certificate> certificate;
    };
    Result<Issuer> issuer_of(const PlannedCertificate& planned);
    Result<pki::Certificate> stand_in(const ExistingKey& key);
    Result<pki::Certificate> sign(const PlannedCertificate& planned, const Issuer& issuer, const Data& begun);
    Status keep(const PlannedCertificate& planned, const Issuer& issuer, const pki::Certificate& certificate);
    Status write_output(const std::string& name, const std::string& content);
    Result<Data> conclude();

    Parts parts_;
    std::unique_ptr<Journal> journal_;
    std::unique_ptr<Offline> place_;
    std::vector<Step> steps_;
    std::filesystem::path transcript_;
};

}  // namespace signet::ctl::ceremony
