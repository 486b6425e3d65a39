#include "connectors/node/system_clock.hpp"
#include "engine/sealing.hpp"
#include "events/bytes.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

/// Devices of one group register over keep-alive HTTPS, one request at a time on each of some connections:
///
///     https_load PORT PID SCOPE GROUP_KEY DEVICES CONNECTIONS ROUNDS [FIRST_DEVICE [STRIDE [TOKEN]]]
///
/// Each device registers once a round; in the first round a server sees it for the first time. With TOKEN, a service's,
/// the devices are enrolled individually instead, with the keys that the group's would give them. Requests are made,
/// and connections opened, before the clock starts. Prints one JSON object a round: requests, failed (status other than
/// 200), seconds, per second, p50 and p99 in microseconds, CPU microseconds a request of process PID and of this one,
/// and the sizes of the last response.
namespace {

using clock_type = std::chrono::steady_clock;

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "https_load: %s\n", why.c_str());
  std::exit(1);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '+')
      out += "%2B";
    else if (c == '/')
      out += "%2F";
    else if (c == '=')
      out += "%3D";
    else
      out += c;
  }
  return out;
}

/// What the vendor's Node SDK sends, with a token of an hour.
std::string make_request(const std::string& scope, const std::string& group_key, const std::string& id) {
  const auto resource = scope + "%2Fregistrations%2F" + id;
  const auto now = std::chrono::floor<std::chrono::seconds>(muster::connectors::system_clock().now());
  const auto expiry = std::to_string(now.time_since_epoch().count() + 3600);
  const auto key = muster::engine::hmac_sha256(group_key, id);
  const auto signature =
      percent_encode(muster::events::to_base64(muster::engine::hmac_sha256(key, resource + "\n" + expiry)));
  const auto body = "{\"registrationId\":\"" + id + "\"}";
  return "PUT /" + scope + "/registrations/" + id + "/register?api-version=2019-03-31 HTTP/1.1\r\nHost: localhost\r\n" +
         "Accept: application/json\r\nContent-Type: application/json; charset=utf-8\r\nConnection: keep-alive\r\n" +
         "User-Agent: bench\r\nAuthorization: SharedAccessSignature sr=" + resource + "&sig=" + signature +
         "&se=" + expiry + "&skn=registration\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string make_enrollment(const std::string& token, const std::string& group_key, const std::string& id) {
  const auto key = muster::events::to_base64(muster::engine::hmac_sha256(group_key, id));
  const auto body = "{\"registrationId\":\"" + id +
                    "\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{\"primaryKey\":\"" + key +
                    "\",\"secondaryKey\":\"" + key + "\"}}}";
  return "PUT /enrollments/" + id +
         "?api-version=2021-10-01 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
         "Authorization: " + token + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class connection {
public:
  connection(SSL_CTX* context, std::uint16_t port)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), tls_(SSL_new(context), SSL_free) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) give_up("cannot connect");
    SSL_set_fd(tls_.get(), socket_);
    if (SSL_connect(tls_.get()) != 1) give_up("the TLS handshake failed");
  }
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;
  ~connection() { ::close(socket_); }

  /// The status; the response stays in `response()`.
  int exchange(const std::string& request) {
    if (SSL_write(tls_.get(), request.data(), static_cast<int>(request.size())) <= 0)
      give_up("the connection was closed");
    response_.clear();
    std::size_t head = std::string::npos;
    while ((head = response_.find("\r\n\r\n")) == std::string::npos) read_some();
    const auto field = response_.find("ontent-Length: ");
    if (field == std::string::npos) give_up("a response without Content-Length");
    std::size_t size = 0;
    std::from_chars(response_.data() + field + 15, response_.data() + response_.size(), size);
    while (response_.size() < head + 4 + size) read_some();
    body_size_ = size;
    int status = 0;
    std::from_chars(response_.data() + 9, response_.data() + 12, status);
    return status;
  }

  const std::string& response() const { return response_; }
  std::size_t body_size() const { return body_size_; }

private:
  void read_some() {
    char bytes[8192];
    const int got = SSL_read(tls_.get(), bytes, sizeof bytes);
    if (got <= 0) give_up("the connection was closed");
    response_.append(bytes, static_cast<std::size_t>(got));
  }

  int socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_;
  std::string response_;
  std::size_t body_size_ = 0;
};

/// User and system time of a process, in seconds (proc(5), /proc/pid/stat, fields 14 and 15).
double cpu_seconds(const std::string& pid) {
  std::ifstream file("/proc/" + pid + "/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream rest(line.substr(line.rfind(')') + 2));
  std::string field;
  double ticks = 0;
  for (int i = 3; i <= 15 && rest >> field; ++i) {
    if (i >= 14) ticks += std::strtod(field.c_str(), nullptr);
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct measured {
  std::vector<double> microseconds;
  std::uint64_t failed = 0;
  std::string a_failure;
};

void run_round(const std::string& name, const std::string& pid, std::vector<std::unique_ptr<connection>>& connections,
               const std::vector<std::string>& requests) {
  std::vector<measured> results(connections.size());
  std::atomic<std::size_t> next = 0;
  const auto server_before = cpu_seconds(pid);
  const auto own_before = cpu_seconds("self");
  const auto began = clock_type::now();
  {
    std::vector<std::jthread> threads;
    for (std::size_t c = 0; c < connections.size(); ++c) {
      threads.emplace_back([&, c] {
        auto& mine = results[c];
        for (auto i = next++; i < requests.size(); i = next++) {
          const auto sent = clock_type::now();
          const int status = connections[c]->exchange(requests[i]);
          mine.microseconds.push_back(std::chrono::duration<double, std::micro>(clock_type::now() - sent).count());
          if (status == 200) continue;
          ++mine.failed;
          mine.a_failure = connections[c]->response();
        }
      });
    }
  }
  const double seconds = std::chrono::duration<double>(clock_type::now() - began).count();
  const auto per_request = 1e6 / static_cast<double>(requests.size());
  const double server = (cpu_seconds(pid) - server_before) * per_request;
  const double own = (cpu_seconds("self") - own_before) * per_request;
  std::vector<double> all;
  std::uint64_t failed = 0;
  for (const auto& each : results) {
    all.insert(all.end(), each.microseconds.begin(), each.microseconds.end());
    if (each.failed > 0 && failed == 0) std::fprintf(stderr, "%s\n", each.a_failure.c_str());
    failed += each.failed;
  }
  std::ranges::sort(all);
  const auto quantile = [&](double q) {
    return all[std::min(all.size() - 1, static_cast<std::size_t>(q * static_cast<double>(all.size())))];
  };
  std::printf("{\"round\":\"%s\",\"requests\":%zu,\"failed\":%llu,\"seconds\":%.2f,\"per_second\":%.0f,\"p50_us\":%.0f,"
              "\"p99_us\":%.0f,"
              "\"server_cpu_us\":%.1f,\"client_cpu_us\":%.1f,\"response_bytes\":%zu,\"body_bytes\":%zu}\n",
              name.c_str(), requests.size(), static_cast<unsigned long long>(failed), seconds,
              static_cast<double>(requests.size()) / seconds, quantile(0.5), quantile(0.99), server, own,
              connections[0]->response().size(), connections[0]->body_size());
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 8)
    give_up("usage: https_load PORT PID SCOPE GROUP_KEY DEVICES CONNECTIONS ROUNDS [FIRST_DEVICE [STRIDE [TOKEN]]]");
  std::signal(SIGPIPE, SIG_IGN);
  const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
  const std::string pid = argv[2];
  const std::string scope = argv[3];
  const auto group_key = muster::events::from_base64(argv[4]);
  const auto devices = std::strtoull(argv[5], nullptr, 10);
  const auto wanted = std::strtoull(argv[6], nullptr, 10);
  const auto rounds = std::strtoull(argv[7], nullptr, 10);
  const auto first = argc > 8 ? std::strtoull(argv[8], nullptr, 10) : 0;
  const auto stride = argc > 9 ? std::strtoull(argv[9], nullptr, 10) : 1;
  const std::string token = argc > 10 ? argv[10] : "";
  if (!group_key || devices == 0 || wanted == 0) give_up("the group's key must be base64, and the numbers positive");

  std::vector<std::string> requests;
  requests.reserve(devices);
  for (std::uint64_t i = 0; i < devices; ++i) {
    const auto id = "device-" + std::to_string(first + i * stride);
    requests.push_back(token.empty() ? make_request(scope, *group_key, id) : make_enrollment(token, *group_key, id));
  }
  // What is measured is requests, so that the server's certificate is not looked at.
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  std::vector<std::unique_ptr<connection>> connections;
  for (std::uint64_t i = 0; i < wanted; ++i) connections.push_back(std::make_unique<connection>(context.get(), port));
  for (std::uint64_t round = 0; round < rounds; ++round)
    run_round(round == 0 ? "new" : "known", pid, connections, requests);
}
