// One thread of the worker: takes requests from a lane, executes them on the token, and queues the replies.
#pragma once

#include <memory>
#include <vector>

#include "hsm/token/request_server.h"
#include "hsm/token/server_connection.h"

namespace signet::token {

class RequestServer::Executor {
  public:
    Executor(RequestServer& server, frames::Lane lane, WorkerPage::Slot* slot)
        : server_(server), lane_(lane), slot_(slot) {}
    void run();

  private:
    void handle(Job& job);
    void probe();
    Status execute(const Job& job);
    void learn_weight(const Job& job);
    void send(const Job& job, Status status);
    void send_parts(const Job& job);
    void note_token(const Status& status);
    void flush_all();

    RequestServer& server_;
    const frames::Lane lane_;
    WorkerPage::Slot* const slot_;
    Bytes reply_;
    // Connections whose replies wait for a write, since when, and how many.
    std::vector<std::shared_ptr<ServerConnection>> unflushed_;
    SteadyTime unflushed_since_{};
    std::size_t unflushed_replies_ = 0;
};

}  // namespace signet::token
