#include "daemon/http/peer.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <openssl/bio.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <pwd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/digest.h"
#include "base/encoding.h"
#include "daemon/http/openssl_handles.h"

namespace signet::http {
namespace {

// The kernel's answer needs no directory service and cannot be out of step with the process. Kernels before 4.13 have no
// such option; there the user database is asked.
std::vector<std::uint32_t> groups_of(int fd, const ucred& credentials) {
    std::vector<std::uint32_t> groups(64);
    for (;;) {
        auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0) {
            groups.resize(bytes / sizeof(gid_t));
            break;
        }
        if (errno == ERANGE && bytes > groups.size() * sizeof(gid_t)) {
            groups.resize(bytes / sizeof(gid_t));
            continue;
        }
        groups.clear();
        std::array<char, 4096> buffer{};
        passwd entry{};
        passwd* found = nullptr;
        if (::getpwuid_r(credentials.uid, &entry, buffer.data(), buffer.size(), &found) != 0 ||
            found == nullptr)
            break;
        int count = 256;
        groups.resize(static_cast<std::size_t>(count));
        if (::getgrouplist(found->pw_name, credentials.gid, groups.data(), &count) < 0) count = 0;
        groups.resize(static_cast<std::size_t>(std::max(count, 0)));
        break;
    }
    if (std::ranges::find(groups, credentials.gid) == groups.end())
        groups.insert(groups.begin(), credentials.gid);
    return groups;
}

Result<std::string> name_text(const ASN1_STRING* name) {
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
                                static_cast<std::size_t>(ASN1_STRING_length(name)));
    if (std::ranges::any_of(text, [](char c) {
            return static_cast<unsigned char>(c) < 0x21 || static_cast<unsigned char>(c) > 0x7E;
        }))
        return fail(ErrorCode::invalid_argument,
                    "the client certificate has a name that is not printable ASCII");
    return std::string(text);
}

}  // namespace

Result<Peer> unix_peer(int fd, std::string listener) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || size != sizeof credentials)
        return fail(ErrorCode::internal, "the peer's credentials cannot be read", std::strerror(errno));
    Peer peer;
    peer.listener = std::move(listener);
    peer.transport = Peer::Transport::unix_socket;
    peer.uid = credentials.uid;
    peer.pid = credentials.pid;
    peer.gids = groups_of(fd, credentials);
    peer.address = "uid=" + std::to_string(credentials.uid) + " pid=" + std::to_string(credentials.pid);
    return peer;
}

Peer tcp_peer(int fd, std::string listener, Peer::Transport transport) {
    Peer peer;
    peer.listener = std::move(listener);
    peer.transport = transport;
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        peer.address = "unknown";
    } else if (address.ss_family == AF_INET6) {
        const auto& ip = reinterpret_cast<const sockaddr_in6&>(address);
        ::inet_ntop(AF_INET6, &ip.sin6_addr, text.data(), text.size());
        peer.address = "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(ip.sin6_port));
    } else {
        const auto& ip = reinterpret_cast<const sockaddr_in&>(address);
        ::inet_ntop(AF_INET, &ip.sin_addr, text.data(), text.size());
        peer.address = std::string(text.data()) + ":" + std::to_string(ntohs(ip.sin_port));
    }
    return peer;
}

Result<ClientCertificate> describe_certificate(X509* certificate) {
    ClientCertificate out;
    unsigned char* der = nullptr;
    const int der_size = i2d_X509(certificate, &der);
    if (der_size <= 0)
        return fail(ErrorCode::invalid_argument, "the client certificate cannot be read", openssl_errors());
    out.der.assign(der, der + der_size);
    OPENSSL_free(der);
    out.fingerprint = to_hex(sha256(out.der));

    const BioHandle text(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(text.get(), X509_get_subject_name(certificate), 0,
                       XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    char* subject = nullptr;
    const auto subject_size = BIO_get_mem_data(text.get(), &subject);
    out.subject.assign(subject, static_cast<std::size_t>(std::max(subject_size, 0L)));

    const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
        GENERAL_NAMES_free);
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const auto* name = sk_GENERAL_NAME_value(names.get(), i);
        std::vector<std::string>* list = nullptr;
        if (name->type == GEN_DNS) list = &out.dns_names;
        if (name->type == GEN_URI) list = &out.uris;
        if (name->type == GEN_EMAIL) list = &out.emails;
        if (list == nullptr) continue;
        SIGNET_ASSIGN(auto value, name_text(name->d.ia5));
        list->push_back(std::move(value));
    }
    return out;
}

}  // namespace signet::http
