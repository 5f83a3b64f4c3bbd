#include "tests/support/local_token_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace signet::testing {

LocalTokenServer::LocalTokenServer(TokenInterface& token, token::ServerOptions options)
    : token_(token), options_(std::move(options)) {
    start();
}

LocalTokenServer::~LocalTokenServer() {
    stop();
    for (const auto& old : old_) {
        old->server->stop();
        old->thread.join();
    }
}

void LocalTokenServer::listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket().c_str(), sizeof(address.sun_path) - 1);
    listener_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        ::listen(listener_.get(), 16) != 0)
        std::abort();
}

void LocalTokenServer::run_new() {
    current_ = std::make_unique<Running>();
    current_->server = std::make_unique<token::RequestServer>(token_, options_);
    auto* const running = current_.get();
    running->server->watch(listener_.get(), [running, fd = listener_.get()] {
        UniqueFd accepted(accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (accepted) running->server->add_connection(std::move(accepted));
    });
    running->thread = std::thread([running] { running->end = running->server->run(); });
}

void LocalTokenServer::start() {
    listen();
    run_new();
}

void LocalTokenServer::stop() {
    if (!current_) return;
    current_->server->stop();
    current_->thread.join();
    current_.reset();
    listener_.reset();
    unlink(socket().c_str());
}

void LocalTokenServer::swap() {
    // The old one still hears the old listener; the new one gets a socket of the same name.
    auto* const old = current_.release();
    old_.emplace_back(old);
    old_listeners_.push_back(std::move(listener_));
    unlink(socket().c_str());
    start();
    old->server->drain();
}

bool LocalTokenServer::old_ones_drained() {
    bool drained = true;
    for (const auto& old : old_) {
        old->thread.join();
        drained = drained && old->end == token::RequestServer::End::drained;
    }
    old_.clear();
    return drained;
}

}  // namespace signet::testing
