#include "connectors/cli/https_client.hpp"

#include "events/bytes.hpp"

#include <curl/curl.h>

namespace muster::connectors {

namespace {

constexpr long timeout_ms = 60'000;
constexpr long connect_timeout_ms = 10'000;
constexpr long silence_s = 60;  // a stream says something every 15 s, unless the node is set up otherwise
constexpr std::size_t response_bytes_max = 256 * 1024 * 1024;

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& body = *static_cast<std::string*>(to);
  if (body.size() + size * count > response_bytes_max) return 0;
  body.append(data, size * count);
  return size * count;
}

/// What a response that stays open is given to.
struct followed_body {
  CURL* curl;
  const std::function<bool(std::string_view)>& take;
  client_response& response;
};

std::size_t take_followed(char* data, std::size_t size, std::size_t count, void* to) {
  auto& body = *static_cast<followed_body*>(to);
  long status = 0;
  curl_easy_getinfo(body.curl, CURLINFO_RESPONSE_CODE, &status);
  if (status == 200) return body.take({data, size * count}) ? size * count : 0;
  return take_body(data, size, count, &body.response.body);
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* to) {
  auto& headers = *static_cast<std::vector<std::pair<std::string, std::string>>*>(to);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    auto value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    headers.emplace_back(events::to_lower(line.substr(0, colon)), std::string(value));
  }
  return size * count;
}

// Whether it is worth trying again, as far as libcurl can tell.
engine::errc code_of(CURLcode code) {
  switch (code) {
  case CURLE_URL_MALFORMAT:
  case CURLE_UNSUPPORTED_PROTOCOL:
  case CURLE_SSL_CACERT_BADFILE:
    return engine::errc::invalid;
  case CURLE_PEER_FAILED_VERIFICATION:
    return engine::errc::denied;
  default:
    return engine::errc::unavailable;
  }
}

}  // namespace

std::string client_response::header(std::string_view name) const {
  for (const auto& [each, value] : headers) {
    if (each == name) return value;
  }
  return {};
}

class https_client::impl {
public:
  impl(std::string url, std::string ca)
      : url_(std::move(url)), ca_(std::move(ca)), curl_(curl_easy_init(), curl_easy_cleanup) {}

  void wait_for_long_work() { waits_ = true; }

  engine::result<client_response> send(const std::string& method, const std::string& path,
                                       const std::vector<std::pair<std::string, std::string>>& headers,
                                       const std::string& body) {
    client_response response;
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> list(header_list(headers), curl_slist_free_all);
    auto* c = curl_.get();
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, list.get());
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, waits_ ? 0L : timeout_ms);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, 0L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &response.body);
    const bool has_body = method != "GET" && method != "DELETE";
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, has_body ? body.c_str() : nullptr);
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    if (!has_body) curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method.c_str());
    return perform(path, std::move(response), nullptr);
  }

  engine::result<client_response> follow(const std::string& path,
                                         const std::vector<std::pair<std::string, std::string>>& headers,
                                         const std::function<bool(std::string_view)>& take) {
    client_response response;
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> list(header_list(headers), curl_slist_free_all);
    auto* c = curl_.get();
    bool enough = false;
    std::exception_ptr thrown;  // it must not pass through libcurl, which is C
    const std::function<bool(std::string_view)> taking = [&](std::string_view bytes) {
      try {
        enough = !take(bytes);
      } catch (...) {
        thrown = std::current_exception();
        enough = true;
      }
      return !enough;
    };
    followed_body body{c, taking, response};
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, list.get());
    curl_easy_setopt(c, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, 0L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, silence_s);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_followed);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    auto ended = perform(path, std::move(response), &enough);
    if (thrown) std::rethrow_exception(thrown);
    return ended;
  }

private:
  // What all requests have in common. `enough`: whether the caller ended the body.
  engine::result<client_response> perform(const std::string& path, client_response&& response, const bool* enough) {
    const auto url = url_ + path;
    char error[CURL_ERROR_SIZE] = "";
    auto* c = curl_.get();
    curl_easy_setopt(c, CURLOPT_URL, url.c_str());
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);  // `.` and `..` are ids like others
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, &response.headers);
    if (!ca_.empty()) curl_easy_setopt(c, CURLOPT_CAINFO, ca_.c_str());
    const auto code = curl_easy_perform(c);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, nullptr);
    if (code != CURLE_OK && (enough == nullptr || !*enough)) {
      return engine::fail(code_of(code), url_ + ": " + (error[0] != '\0' ? error : curl_easy_strerror(code)));
    }
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &response.status);
    return std::move(response);
  }

  static curl_slist* header_list(const std::vector<std::pair<std::string, std::string>>& headers) {
    curl_slist* list = nullptr;
    for (const auto& [name, value] : headers) list = curl_slist_append(list, (name + ": " + value).c_str());
    return curl_slist_append(list, "Expect:");
  }

  std::string url_;
  std::string ca_;
  bool waits_ = false;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
};

https_client::https_client(std::string url, std::string ca)
    : impl_(std::make_unique<impl>(std::move(url), std::move(ca))) {}
https_client::~https_client() = default;

void https_client::wait_for_long_work() {
  impl_->wait_for_long_work();
}

engine::result<client_response> https_client::send(const std::string& method, const std::string& path,
                                                   const std::vector<std::pair<std::string, std::string>>& headers,
                                                   const std::string& body) {
  return impl_->send(method, path, headers, body);
}

engine::result<client_response> https_client::follow(const std::string& path,
                                                     const std::vector<std::pair<std::string, std::string>>& headers,
                                                     const std::function<bool(std::string_view)>& take) {
  return impl_->follow(path, headers, take);
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain)
      out += c;
    else
      out.append("%").append(events::to_hex({&c, 1}));
  }
  return out;
}

}  // namespace muster::connectors
