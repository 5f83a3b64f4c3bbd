// Keys of an ssh-agent: messages of a 4-byte length, a type and fields (draft-miller-ssh-agent; RFC 4251 section 5).
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/wire.h"
#include "daemon/ctl/person_key.h"
#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"

namespace signet::ctl {
namespace {

constexpr std::uint8_t kListKeys = 11;
constexpr std::uint8_t kKeys = 12;
constexpr std::uint8_t kSign = 13;
constexpr std::uint8_t kSigned = 14;
constexpr std::uint32_t kMaxMessage = 256 * 1024;
// A person may have to touch a card.
constexpr int kPatience = 120'000;

class Agent {
  public:
    static Result<std::shared_ptr<Agent>> connect() {
        const char* const path = std::getenv("SSH_AUTH_SOCK");  // NOLINT(concurrency-mt-unsafe): one thread
        if (path == nullptr)
            return fail(ErrorCode::token_unavailable, "there is no ssh-agent: SSH_AUTH_SOCK is not set");
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        if (std::strlen(path) >= sizeof(address.sun_path))
            return fail(ErrorCode::invalid_argument, "SSH_AUTH_SOCK is too long for a socket");
        std::strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
        auto agent = std::make_shared<Agent>(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        if (agent->socket_ < 0 ||
            ::connect(agent->socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
            return fail(ErrorCode::token_unavailable,
                        "no ssh-agent answers at " + std::string(path) + ": " + std::strerror(errno));
        return agent;
    }
    explicit Agent(int socket) : socket_(socket) {}
    Agent(const Agent&) = delete;
    Agent& operator=(const Agent&) = delete;
    ~Agent() {
        if (socket_ >= 0) close(socket_);
    }

    // The fields after the answer's type, which must be `expected`.
    Result<Bytes> ask(ByteView message, std::uint8_t expected) {
        WireWriter framed;
        framed.bytes(message);
        const auto bytes = framed.take();
        if (send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
            return lost();
        SIGNET_ASSIGN(const auto head, read(4));
        const auto size = WireReader(head).number<std::uint32_t>();
        if (size == 0 || size > kMaxMessage) return lost();
        SIGNET_ASSIGN(auto answer, read(size));
        if (answer.front() != expected) return fail(ErrorCode::permission_denied, "the ssh-agent refused");
        answer.erase(answer.begin());
        return answer;
    }

  private:
    static std::unexpected<Error> lost() {
        return fail(ErrorCode::token_unavailable, "the ssh-agent does not answer");
    }
    Result<Bytes> read(std::size_t size) {
        Bytes out(size);
        std::size_t have = 0;
        while (have < size) {
            pollfd ready{socket_, POLLIN, 0};
            if (poll(&ready, 1, kPatience) <= 0) return lost();
            const auto count = recv(socket_, out.data() + have, size - have, 0);
            if (count <= 0) return lost();
            have += static_cast<std::size_t>(count);
        }
        return out;
    }

    int socket_;
};

Bytes joined(std::string_view prefix_hex, ByteView point) {
    auto out = from_hex(prefix_hex).value_or(Bytes{});
    out.insert(out.end(), point.begin(), point.end());
    return out;
}

// RFC 8709 section 4, RFC 5656 section 3.1, as SubjectPublicKeyInfo (RFC 8410 section 4, RFC 5480 section 2); empty for
// other kinds of keys.
Bytes spki_of_blob(ByteView blob) {
    WireReader reader(blob);
    const auto kind = as_text(reader.bytes(kMaxMessage));
    if (kind == "ssh-ed25519") {
        const auto point = reader.bytes(kMaxMessage);
        return reader.finished() && point.size() == 32 ? joined("302a300506032b6570032100", point) : Bytes{};
    }
    const bool p256 = kind == "ecdsa-sha2-nistp256";
    if (!p256 && kind != "ecdsa-sha2-nistp384") return {};
    (void)reader.bytes(kMaxMessage);  // the curve's name once more
    const auto point = reader.bytes(kMaxMessage);
    if (!reader.finished() || point.size() != (p256 ? 65U : 97U)) return {};
    return p256 ? joined("3059301306072a8648ce3d020106082a8648ce3d030107034200", point)
                : joined("3076301006072a8648ce3d020106052b81040022036200", point);
}

// An mpint of RFC 4251 section 5 in a fixed width.
bool append_number(Bytes& out, ByteView number, std::size_t width) {
    while (!number.empty() && number.front() == 0)
        number = number.subspan(1);
    if (number.size() > width) return false;
    out.insert(out.end(), width - number.size(), 0);
    out.insert(out.end(), number.begin(), number.end());
    return true;
}

Result<Bytes> signature_of(ByteView answer, const pki::PublicKey& key) {
    WireReader outer(answer);
    WireReader signature(outer.bytes(kMaxMessage));
    const auto kind = as_text(signature.bytes(kMaxMessage));
    const auto value = signature.bytes(kMaxMessage);
    const auto malformed = fail(ErrorCode::internal, "the ssh-agent's signature is malformed");
    if (!outer.finished() || !signature.finished()) return malformed;
    if (kind == "ssh-ed25519") return to_bytes(value);
    WireReader numbers(value);
    const auto r = numbers.bytes(kMaxMessage);
    const auto s = numbers.bytes(kMaxMessage);
    const std::size_t width = key.type() == pki::KeyType::ec_p384 ? 48 : 32;
    Bytes raw;
    if (!numbers.finished() || !append_number(raw, r, width) || !append_number(raw, s, width))
        return malformed;
    return pki::ecdsa_raw_to_der(key.default_algorithm(), raw);
}

}  // namespace

Result<PersonKey> key_of_agent(const std::string& name) {
    SIGNET_ASSIGN(const auto agent, Agent::connect());
    const std::uint8_t list[] = {kListKeys};
    SIGNET_ASSIGN(const auto answer, agent->ask(list, kKeys));
    WireReader reader(answer);
    const auto count = reader.number<std::uint32_t>();
    std::vector<PersonKey> found;
    for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
        const auto blob = to_bytes(reader.bytes(kMaxMessage));
        const auto comment = std::string(as_text(reader.bytes(kMaxMessage)));
        auto spki = spki_of_blob(blob);
        if (spki.empty()) continue;
        if (!name.empty() && comment != name && !to_hex(sha256(spki)).starts_with(name)) continue;
        const auto key = pki::PublicKey::from_spki(spki);
        if (!key) continue;
        found.push_back({std::move(spki), "ssh-agent: " + comment,
                         [agent, blob, key = *key](ByteView message) -> Result<Bytes> {
                             WireWriter request;
                             request.number(kSign);
                             request.bytes(blob);
                             request.bytes(message);
                             request.number(std::uint32_t{0});
                             SIGNET_ASSIGN(const auto made, agent->ask(request.buffer(), kSigned));
                             return signature_of(made, key);
                         }});
    }
    if (found.empty())
        return fail(ErrorCode::not_found,
                    "the ssh-agent has no such key of the kinds Ed25519, P-256 and P-384");
    if (found.size() > 1)
        return fail(ErrorCode::invalid_argument, "the ssh-agent has " + std::to_string(found.size()) +
                                                     " such keys; name one by its comment: --agent-key NAME");
    return std::move(found.front());
}

}  // namespace signet::ctl
