#include "tests/support/appliance.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/unique_fd.h"

namespace signet::testing {
namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void replace_once(std::string& text, std::string_view what, std::string_view by, const std::string& where) {
    const auto at = text.find(what);
    if (at == std::string::npos) throw std::runtime_error(where + " does not contain: " + std::string(what));
    text.replace(at, what.size(), by);
}

// The built programs, or copies of them where the service user cannot reach the build tree.
const fs::path& programs() {
    static const auto place = [] {
        static const std::unique_ptr<TempDirectory> copies = std::make_unique<TempDirectory>();
        const fs::path build = SIGNET_BUILD_ROOT;
        const std::vector<fs::path> built{build / "daemon/signetd", build / "hsm/token/signetd-token",
                                          build / "daemon/ctl/signetctl"};
        const auto bin = copies->make_directory("bin", 0755);
        const bool reachable = run({"/usr/bin/test", "-x", built.front().string()}).code == 0;
        for (const auto& program : built) {
            if (reachable)
                fs::create_symlink(program, bin / program.filename());
            else
                fs::copy_file(program, bin / program.filename());
        }
        return bin;
    }();
    return place;
}

// An appliance as `signetctl init` leaves it with these families; made once a process.
const fs::path& pristine(const std::vector<std::string>& families) {
    static std::map<std::vector<std::string>, fs::path> made_before;
    static std::vector<std::unique_ptr<TempDirectory>> directories;
    auto& place = made_before[families];
    if (!place.empty()) return place;
    const auto& directory = *directories.emplace_back(std::make_unique<TempDirectory>());
    std::vector<std::string> command{Appliance::program("signetctl").string(), "init",
                                     (directory / "appliance").string()};
    for (const auto& family : families) {
        command.emplace_back("--with");
        command.push_back(family);
    }
    const auto made = run(command, {}, std::chrono::seconds(240));
    if (made.code != 0) throw std::runtime_error("signetctl init failed: " + made.output);
    place = directory.path() / "appliance";
    return place;
}

// Free a moment ago: good enough, since ports are handed out in turn.
unsigned free_port() {
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
        throw std::runtime_error("no free port");
    return ntohs(address.sin_port);
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
    static_cast<std::string*>(to)->append(data, size * count);
    return size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* to) {
    std::string line(data, size * count);
    while (line.ends_with('\n') || line.ends_with('\r'))
        line.pop_back();
    if (const auto colon = line.find(':'); colon != std::string::npos) {
        auto name = line.substr(0, colon);
        std::ranges::transform(name, name.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        const auto value = line.find_first_not_of(' ', colon + 1);
        (*static_cast<std::map<std::string, std::string>*>(to))[name] =
            value == std::string::npos ? "" : line.substr(value);
    }
    return size * count;
}

struct ChildInfo {
    pid_t pid;
    std::string name;
};

std::vector<ChildInfo> children_of(pid_t parent) {
    std::vector<ChildInfo> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const auto stat = read_all(entry.path() / "stat");
        const auto close = stat.rfind(')');
        const auto open = stat.find('(');
        if (close == std::string::npos || open == std::string::npos) continue;
        std::istringstream rest(stat.substr(close + 2));
        char state = 0;
        pid_t above = 0;
        rest >> state >> above;
        if (above == parent && state != 'Z')
            found.push_back({std::stoi(name), stat.substr(open + 1, close - open - 1)});
    }
    return found;
}

}  // namespace

bool process_alive(pid_t pid) {
    const auto stat = read_all("/proc/" + std::to_string(pid) + "/stat");
    const auto close = stat.rfind(')');
    return close != std::string::npos && stat.size() > close + 2 && stat[close + 2] != 'Z';
}

HttpConnection::HttpConnection(fs::path socket) : socket_(std::move(socket)), handle_(curl_easy_init()) {}
HttpConnection::~HttpConnection() {
    curl_easy_cleanup(handle_);
}

HttpAnswer HttpConnection::send(const HttpRequest& request) {
    HttpAnswer answer;
    CURL* const curl = handle_;
    curl_easy_reset(curl);
    const auto url = (request.url_base.empty() ? "http://localhost" : request.url_base) + request.target;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.verb.c_str());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_limit.count()));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);
    if (request.url_base.empty()) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
    if (!request.ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_file.c_str());
    if (!request.certificate_file.empty())
        curl_easy_setopt(curl, CURLOPT_SSLCERT, request.certificate_file.c_str());
    if (!request.key_file.empty()) curl_easy_setopt(curl, CURLOPT_SSLKEY, request.key_file.c_str());
    curl_slist* headers = curl_slist_append(nullptr, "Expect:");
    for (const auto& header : request.headers)
        headers = curl_slist_append(headers, header.c_str());
    if (request.verb != "GET" || !request.body.empty()) {
        headers = curl_slist_append(headers, ("Content-Type: " + request.content_type).c_str());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    const auto code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    else
        answer.error = curl_easy_strerror(code);
    curl_slist_free_all(headers);
    return answer;
}

fs::path Appliance::program(std::string_view name) {
    return programs() / name;
}

Appliance::Appliance(Options options) {
    fs::copy(pristine(options.families), path(), fs::copy_options::recursive);
    edit("softhsm2.conf", pristine(options.families).string(), path().string());
    if (service_user()) edit("policy.yaml", "users: [", "users: [root, ");
    if (options.tls) {
        tls_port_ = free_port();
        edit("signetd.yaml", "listeners:\n",
             "listeners:\n  - name: tls\n    address: 127.0.0.1:" + std::to_string(tls_port_) +
                 "\n    tls: { key: tls.server, certificate: tls/server.pem, client_ca: tls/clients.pem }\n");
    }
    if (options.publicly) {
        public_port_ = free_port();
        edit("signetd.yaml", "listeners:\n",
             "listeners:\n  - { name: public, address: \"127.0.0.1:" + std::to_string(public_port_) +
                 "\", anonymous: true, permits: [ca.crl, ca.ocsp] }\n");
    }
    directory_.make_directory("scratch");
    directory_.give_away();
    if (options.start) start();
}

Appliance::~Appliance() {
    if (!daemon_) return;
    // The daemon's death takes the token's processes along; a test that ends must leave none behind.
    const auto supervisor = supervisor_pid();
    const auto worker = worker_pid();
    if (::testing::Test::HasFailure()) std::fprintf(stderr, "-- log of signetd:\n%s\n", log().c_str());
    daemon_.reset();
    for (const auto pid : {worker, supervisor}) {
        if (pid > 0 && !eventually([&] { return !process_alive(pid); }, std::chrono::seconds(5)))
            ::kill(pid, SIGKILL);
    }
}

void Appliance::spawn() {
    daemon_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{program("signetd").string(), "--config", config().string(), "--with-token"});
}

void Appliance::start() {
    spawn();
    if (!ready()) throw std::runtime_error("signetd did not become ready:\n" + log());
}

bool Appliance::ready(std::chrono::milliseconds time) const {
    return eventually([&] { return !daemon_->running() || get("/v1/health/ready").status == 200; }, time) &&
           daemon_->running();
}

std::optional<int> Appliance::stop(std::chrono::milliseconds time) {
    daemon_->signal(SIGTERM);
    return daemon_->wait(time);
}

void Appliance::kill_daemon() {
    daemon_->signal(SIGKILL);
    (void)daemon_->wait(std::chrono::seconds(10));
}

void Appliance::signal_daemon(int number) const {
    daemon_->signal(number);
}
bool Appliance::daemon_running() const {
    return daemon_ && daemon_->running();
}
pid_t Appliance::daemon_pid() const {
    return daemon_->pid();
}

pid_t Appliance::supervisor_pid() const {
    const auto children = children_of(daemon_->pid());
    return children.empty() ? 0 : children.front().pid;
}

pid_t Appliance::worker_pid() const {
    const auto supervisor = supervisor_pid();
    if (supervisor == 0) return 0;
    const auto children = children_of(supervisor);
    return children.empty() ? 0 : children.back().pid;
}

std::string Appliance::log() const {
    return daemon_ ? daemon_->output() : "";
}

void Appliance::edit(const fs::path& name, std::string_view what, std::string_view by) const {
    auto text = read_all(path(name));
    replace_once(text, what, by, name.string());
    write(name, text);
}

void Appliance::write(const fs::path& name, std::string_view content) const {
    // In place: owner and mode stay.
    std::ofstream file(path(name), std::ios::binary | std::ios::trunc);
    file << content;
    if (!file.flush()) throw std::runtime_error("cannot write " + name.string());
}

HttpAnswer Appliance::get(const std::string& target) const {
    return HttpConnection(api_socket()).send({.target = target});
}

HttpAnswer Appliance::post(const std::string& target, const std::string& body,
                           std::vector<std::string> headers) const {
    return HttpConnection(api_socket())
        .send({.verb = "POST", .target = target, .body = body, .headers = std::move(headers)});
}

HttpAnswer Appliance::admin(const HttpRequest& request) const {
    return HttpConnection(admin_socket()).send(request);
}

Ended Appliance::ctl(std::vector<std::string> arguments, const std::string& input) const {
    std::vector<std::string> command{program("signetctl").string(), "--config", config().string()};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return run(std::move(command), {.input = input});
}

Ended Appliance::openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/usr/bin/openssl");
    return run(std::move(arguments), {.as_service_user = false});
}

}  // namespace signet::testing
