#include "daemon/http/loop.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <utility>

namespace signet::http {

void EventThread::start(const char* name) {
    thread_ = std::thread([this, name] {
        ::pthread_setname_np(::pthread_self(), name);
        context_.run();
    });
}

void EventThread::stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
}

Ticker::Ticker(asio::io_context& context, std::chrono::milliseconds period, std::function<bool()> tick)
    : timer_(context.get_executor()), period_(period), tick_(std::move(tick)) {}

void Ticker::wake() {
    if (!armed_) arm();
}

void Ticker::arm() {
    armed_ = true;
    timer_.expires_after(period_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        armed_ = false;
        if (!error && tick_()) arm();
    });
}

// A connection and its descriptor.
class Loop::Session final : public Connection {
  public:
    Session(Loop& loop, UniqueFd fd, std::unique_ptr<Stream> stream, std::shared_ptr<const Peer> peer,
            Place place)
        : Connection(loop.environment_, loop, std::move(stream), std::move(peer),
                     std::chrono::steady_clock::now()),
          place_(std::move(place)),
          descriptor_(loop.context().get_executor(), fd.release()) {}

    // Events of waits that were given up carry an old number.
    std::uint64_t wait_number = 0;
    Descriptor& descriptor() { return descriptor_; }

  private:
    Place place_;
    Descriptor descriptor_;
};

Loop::Loop(ConnectionEnvironment& environment, std::chrono::milliseconds tick)
    : environment_(environment), ticker_(thread_.context(), tick, [this] { return this->tick(); }) {}

Loop::~Loop() {
    thread_.stop();
    answered_.clear();
    sessions_.clear();
}

void Loop::adopt(UniqueFd fd, std::unique_ptr<Stream> stream, std::shared_ptr<const Peer> peer, Place place) {
    auto session =
        std::make_shared<Session>(*this, std::move(fd), std::move(stream), std::move(peer), std::move(place));
    asio::post(context(), [this, session = std::move(session)] { add(session, true); });
}

void Loop::turn_away(UniqueFd fd, std::shared_ptr<const Peer> peer, Place place) {
    auto stream = make_socket_stream(fd.get());
    auto session =
        std::make_shared<Session>(*this, std::move(fd), std::move(stream), std::move(peer), std::move(place));
    asio::post(context(), [this, session = std::move(session)] { add(session, false); });
}

void Loop::add(const std::shared_ptr<Session>& session, bool serve) {
    sessions_.insert(session);
    ticker_.wake();
    const auto now = std::chrono::steady_clock::now();
    arm(session, serve ? session->ready(now) : session->turn_away(now));
}

void Loop::arm(const std::shared_ptr<Session>& session, Connection::Wait wait) {
    const auto number = ++session->wait_number;
    const auto again = [this, session, number](const boost::system::error_code& error) {
        if (error || number != session->wait_number) return;
        arm(session, session->ready(std::chrono::steady_clock::now()));
    };
    switch (wait) {
        case Connection::Wait::readable:
            session->descriptor().async_wait(Descriptor::wait_read, again);
            return;
        case Connection::Wait::writable:
            session->descriptor().async_wait(Descriptor::wait_write, again);
            return;
        case Connection::Wait::answer:
            return;
        case Connection::Wait::end:
            break;
    }
    boost::system::error_code ignored;
    session->descriptor().close(ignored);
    sessions_.erase(session);
}

void Loop::push(std::shared_ptr<Connection> connection) {
    bool first = false;
    {
        const std::lock_guard lock(mutex_);
        first = answered_.empty();
        answered_.push_back(std::move(connection));
    }
    // One event for all answers that come before the loop gets round to them.
    if (first) asio::post(context(), [this] { take_answers(); });
}

void Loop::take_answers() {
    {
        const std::lock_guard lock(mutex_);
        answered_.swap(taking_);
    }
    const auto now = std::chrono::steady_clock::now();
    for (auto& connection : taking_) {
        const auto session = std::static_pointer_cast<Session>(std::move(connection));
        arm(session, session->answered(now));
    }
    taking_.clear();
}

bool Loop::tick() {
    const auto now = std::chrono::steady_clock::now();
    std::vector<std::pair<std::shared_ptr<Session>, Connection::Wait>> changed;
    for (const auto& session : sessions_)
        if (const auto wait = session->tick(now)) changed.emplace_back(session, *wait);
    change(changed);
    return !sessions_.empty();
}

void Loop::change(const std::vector<std::pair<std::shared_ptr<Session>, Connection::Wait>>& changed) {
    for (const auto& [session, wait] : changed) {
        boost::system::error_code ignored;
        session->descriptor().cancel(ignored);
        arm(session, wait);
    }
}

void Loop::drain() {
    asio::post(context(), [this] {
        const auto now = std::chrono::steady_clock::now();
        std::vector<std::pair<std::shared_ptr<Session>, Connection::Wait>> changed;
        for (const auto& session : sessions_)
            if (const auto wait = session->drain(now)) changed.emplace_back(session, *wait);
        change(changed);
    });
}

}  // namespace signet::http
