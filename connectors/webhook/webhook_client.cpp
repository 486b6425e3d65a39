#include "connectors/webhook/webhook_client.hpp"

#include "events/bytes.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

namespace muster::connectors {

namespace {

using engine::errc;
using engine::fail;
using engine::result;

constexpr std::size_t url_bytes_max = 2048;
constexpr std::size_t response_bytes_max = 64U << 10U;
constexpr std::size_t headers_max = 100;
constexpr long connect_timeout_ms = 10'000;

bool is_private(std::uint32_t v4) {
  const auto in = [&](std::uint32_t network, unsigned bits) { return v4 >> (32 - bits) == network >> (32 - bits); };
  // RFC 1918, loopback, RFC 6598 (shared), RFC 2544 (benchmarks)
  return in(0x0a000000, 8) || in(0xac100000, 12) || in(0xc0a80000, 16) || in(0x7f000000, 8) || in(0x64400000, 10) ||
         in(0xc6120000, 15);
}

// RFC 3927 (link-local), multicast, reserved, "this network"
bool is_forbidden(std::uint32_t v4) {
  return v4 >> 16U == 0xa9feU || v4 >> 28U >= 0xeU || v4 >> 24U == 0;
}

std::uint32_t to_number(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24U | std::uint32_t{bytes[1]} << 16U | std::uint32_t{bytes[2]} << 8U | bytes[3];
}

bool may_connect_v4(std::uint32_t address, bool private_addresses) {
  return !is_forbidden(address) && (private_addresses || !is_private(address));
}

bool may_connect_v6(const std::uint8_t* a, bool private_addresses) {
  const std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(mapped.begin(), mapped.end(), a)) return may_connect_v4(to_number(a + 12), private_addresses);
  // NAT64 (RFC 6052) and 6to4 (RFC 3056) lead to an IPv4 address.
  const std::array<std::uint8_t, 12> nat64{0, 0x64, 0xff, 0x9b};
  if (std::equal(nat64.begin(), nat64.end(), a)) return may_connect_v4(to_number(a + 12), private_addresses);
  if (a[0] == 0x20 && a[1] == 0x02) return may_connect_v4(to_number(a + 2), private_addresses);
  const bool zeros = std::all_of(a, a + 15, [](std::uint8_t byte) { return byte == 0; });
  const bool loopback = zeros && a[15] == 1;
  const bool link_local = a[0] == 0xfe && (a[1] & 0xc0U) == 0x80;
  if ((zeros && !loopback) || link_local || a[0] == 0xff) return false;
  const bool unique_local = (a[0] & 0xfeU) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0U) == 0xc0);
  return private_addresses || !(loopback || unique_local);
}

std::string host_of(std::string_view url) {
  auto rest = url.substr(url.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("/?"));
  if (rest.starts_with('[')) return std::string(rest.substr(0, rest.find(']') + 1));
  return events::to_lower(rest.substr(0, rest.find(':')));
}

/// One request on its way.
struct transfer {
  ~transfer() {
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
  }
  CURL* curl = curl_easy_init();
  curl_slist* headers = nullptr;
  std::string body;
  std::size_t received = 0;
  webhook_response response;
  bool private_addresses = true;
  bool address_refused = false;
  char error[CURL_ERROR_SIZE] = "";
  webhook_client::respond done;
};

// What the endpoint says besides its status is not looked at, and not read for ever.
std::size_t drop_body(char*, std::size_t size, std::size_t count, void* to) {
  auto& t = *static_cast<transfer*>(to);
  t.received += size * count;
  return t.received > response_bytes_max ? 0 : size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* to) {
  auto& t = *static_cast<transfer*>(to);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (const auto colon = line.find(':'); colon != std::string_view::npos && t.response.headers.size() < headers_max) {
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    t.response.headers.emplace_back(events::to_lower(line.substr(0, colon)), std::string(value));
  }
  return size * count;
}

curl_socket_t open_socket(void* to, curlsocktype, curl_sockaddr* address) {
  auto& t = *static_cast<transfer*>(to);
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* raw = nullptr;
  if (address->family == AF_INET) raw = &reinterpret_cast<const sockaddr_in*>(&address->addr)->sin_addr;
  if (address->family == AF_INET6) raw = &reinterpret_cast<const sockaddr_in6*>(&address->addr)->sin6_addr;
  const bool known = raw != nullptr && ::inet_ntop(address->family, raw, text.data(), text.size()) != nullptr;
  if (!known || !may_connect_to(text.data(), t.private_addresses)) {
    t.address_refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

bool is_address(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

}  // namespace

bool may_connect_to(const std::string& address, bool private_addresses) {
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1)
    return may_connect_v4(to_number(bytes.data()), private_addresses);
  if (::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) return may_connect_v6(bytes.data(), private_addresses);
  return false;
}

result<void> check_webhook_url(const std::string& url, const webhook_client_options& options) {
  const bool visible = std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; });
  if (url.empty() || url.size() > url_bytes_max || !visible)
    return fail(errc::invalid, "expected an absolute URL of at most 2048 visible ASCII characters");
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  const auto part = [&](CURLUPart which) -> std::string {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), which, &text, 0) != CURLUE_OK) return {};
    std::string copy(text);
    curl_free(text);
    return copy;
  };
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    return fail(errc::invalid, "expected an absolute URL such as https://example.com/events");
  const auto scheme = part(CURLUPART_SCHEME);
  const auto host = host_of(url);
  const bool here = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
  if (scheme != "https" && (scheme != "http" || !(options.plain_http || here)))
    return fail(errc::invalid,
                "expected https://; http:// only leads to this machine, unless webhook.plain_http is set");
  // A name is looked up when there is something to send; an address can be told from the beginning.
  auto literal = part(CURLUPART_HOST);
  if (literal.starts_with('[')) literal = literal.substr(1, literal.find(']') - 1);
  if (is_address(literal) && !may_connect_to(literal, options.private_addresses)) {
    return fail(errc::invalid, may_connect_to(literal, true)
                                   ? literal + " is a private address, and webhook.private_addresses is 0"
                                   : "webhooks must not reach " + literal +
                                         ": link-local, multicast and reserved addresses are never connected to");
  }
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty())
    return fail(errc::invalid,
                "it must not hold a user or password; put a secret into the query, which is kept sealed");
  if (!part(CURLUPART_FRAGMENT).empty()) return fail(errc::invalid, "it must not have a fragment (#)");
  return {};
}

class webhook_client::impl {
public:
  explicit impl(webhook_client_options options) : options_(std::move(options)), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 100L);
  }
  ~impl() {
    for (auto& [handle, t] : flying_) curl_multi_remove_handle(multi_, handle);
    flying_.clear();
    curl_multi_cleanup(multi_);
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  void send(const webhook_request& request, respond done) {
    auto t = std::make_unique<transfer>();
    t->done = std::move(done);
    t->body = request.body;
    t->private_addresses = options_.private_addresses;
    for (const auto& [name, value] : request.headers)
      t->headers = curl_slist_append(t->headers, (name + ": " + value).c_str());
    t->headers = curl_slist_append(t->headers, "Expect:");
    prepare(*t, request);
    auto* const handle = t->curl;
    flying_.emplace(handle, std::move(t));
    curl_multi_add_handle(multi_, handle);
  }

  void run(std::chrono::milliseconds limit) {
    int running = 0;
    curl_multi_perform(multi_, &running);
    if (!finish()) curl_multi_poll(multi_, nullptr, 0, static_cast<int>(limit.count()), nullptr);
    curl_multi_perform(multi_, &running);
    finish();
  }

  void wake() { curl_multi_wakeup(multi_); }

private:
  void prepare(transfer& t, const webhook_request& request) const {
    auto* const c = t.curl;
    curl_easy_setopt(c, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, t.headers);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_USERAGENT, "muster");
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t.error);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &t);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, &t);
    if (!options_.ca_file.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, options_.ca_file.c_str());
    if (request.method == "POST") {
      curl_easy_setopt(c, CURLOPT_POSTFIELDS, t.body.data());
      curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(t.body.size()));
    } else {
      curl_easy_setopt(c, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }

  // True if something ended.
  bool finish() {
    bool any = false;
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const auto code = message->data.result;
      const auto node = flying_.extract(message->easy_handle);
      auto& t = *node.mapped();
      curl_multi_remove_handle(multi_, t.curl);
      curl_easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &t.response.status);
      // A body that is too long says nothing against the status before it.
      const bool status_counts = code == CURLE_OK || (code == CURLE_WRITE_ERROR && t.response.status != 0);
      if (!status_counts) {
        t.response.status = 0;
        t.response.error = t.address_refused    ? "its name leads to an address that webhooks must not reach"
                           : t.error[0] != '\0' ? std::string(t.error)
                                                : std::string(curl_easy_strerror(code));
      }
      any = true;
      t.done(std::move(t.response));
    }
    return any;
  }

  const webhook_client_options options_;
  CURLM* multi_;
  std::map<CURL*, std::unique_ptr<transfer>> flying_;
};

webhook_client::webhook_client(webhook_client_options options) : impl_(std::make_unique<impl>(std::move(options))) {}
webhook_client::~webhook_client() = default;
void webhook_client::send(const webhook_request& request, respond done) {
  impl_->send(request, std::move(done));
}
void webhook_client::run(std::chrono::milliseconds limit) {
  impl_->run(limit);
}
void webhook_client::wake() {
  impl_->wake();
}

}  // namespace muster::connectors
