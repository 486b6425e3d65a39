// Beast asserts that the last chunk's header is seen again with at least five bytes; `0 CR LF CR` are four, and valid
// so far. What it does then is right, but assertions stay on in release builds, and a client must not be able to end
// the process.
#define BOOST_DISABLE_ASSERTS

#include "connectors/https/http_reader.hpp"

#include "connectors/https/http_target.hpp"
#include "events/bytes.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace muster::connectors {

namespace http = boost::beast::http;
using boost::beast::string_view;
using error_code = boost::beast::error_code;

namespace {

constexpr std::size_t fields_max = 100;

http_problem problem_of(const error_code& error, const http_reader_limits& limits) {
  if (error == http::error::header_limit) {
    return {431, "The request header is larger than " + std::to_string(limits.header_bytes_max) + " bytes."};
  }
  if (error == http::error::body_limit) {
    return {413, "The request body is larger than " + std::to_string(limits.body_bytes_max) + " bytes."};
  }
  if (error == http::error::bad_version) return {400, "The request line does not end in HTTP/1.0 or HTTP/1.1."};
  return {400, "The request is not valid HTTP: " + error.message() + "."};
}

}  // namespace

/// Beast's parser, filling our request while it parses.
class http_reader::parser final : public http::basic_parser<true> {
public:
  explicit parser(const http_reader_limits& limits) {
    header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
    body_limit(limits.body_bytes_max);
    eager(true);
  }

  http_request request;
  std::optional<http_problem> problem;
  std::size_t header_bytes = 0;
  bool expects_continue = false;
  bool is_head = false;
  bool is_http_1_0 = false;
  bool discards = false;

private:
  void refuse(int status, std::string message, error_code& error) {
    problem = http_problem{status, std::move(message)};
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb verb, string_view method, string_view target, int version,
                       error_code& error) override {
    is_head = verb == http::verb::head;
    is_http_1_0 = version == 10;
    header_bytes = method.size() + target.size();
    request.method = is_head ? "GET" : std::string(method);
    auto parsed = connectors::parse_target({target.data(), target.size()});
    if (!parsed) return refuse(400, std::move(parsed.error().text), error);
    request.path = std::move(parsed->path);
    request.query = std::move(parsed->query);
    // An absolute target's host counts, whatever the Host header says (RFC 9112 section 3.2.2).
    if (!parsed->authority.empty()) authority_ = std::move(parsed->authority);
  }

  void on_field_impl(http::field field, string_view name, string_view value, error_code& error) override {
    if (is_header_done()) return;  // a trailer: it must not pass for what the header would have said
    header_bytes += name.size() + value.size();
    if (request.headers.size() == fields_max) {
      return refuse(431, "The request has more than " + std::to_string(fields_max) + " header fields.", error);
    }
    if (field == http::field::host) {
      if (++hosts_ > 1) return refuse(400, "The request has more than one Host header.", error);
      request.headers.emplace_back("host", authority_.empty() ? std::string(value) : authority_);
      return;
    }
    if (field == http::field::transfer_encoding && (is_http_1_0 || !boost::beast::iequals(value, "chunked"))) {
      return refuse(is_http_1_0 ? 400 : 501, "The only transfer coding accepted is chunked, in HTTP/1.1.", error);
    }
    if (field == http::field::expect) {
      if (!boost::beast::iequals(value, "100-continue"))
        return refuse(417, "The only expectation met is 100-continue.", error);
      expects_continue = !is_http_1_0;
    }
    request.headers.emplace_back(events::to_lower({name.data(), name.size()}), std::string(value));
  }

  void on_header_impl(error_code& error) override {
    if (hosts_ == 1 || is_http_1_0) return;
    refuse(400, "The request has no Host header.", error);
  }

  std::size_t take_body(string_view bytes) {
    if (!discards) request.body.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view bytes, error_code&) override { return take_body(bytes); }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) override { return take_body(bytes); }
  void on_finish_impl(error_code&) override {}

  std::string authority_;
  int hosts_ = 0;
};

http_reader::http_reader(http_reader_limits limits) : limits_(limits), parser_(std::make_unique<parser>(limits_)) {}
http_reader::~http_reader() = default;

std::size_t http_reader::put(std::string_view bytes) {
  std::size_t taken = 0;
  // A client may send an empty line after its last request (RFC 9112 section 2.2).
  while (!parser_->got_some() && taken < bytes.size() && (bytes[taken] == '\r' || bytes[taken] == '\n')) ++taken;
  while (!problem() && !complete() && taken < bytes.size()) {
    error_code error;
    const auto rest = bytes.substr(taken);
    const auto used = parser_->put(boost::asio::const_buffer(rest.data(), rest.size()), error);
    taken += used;
    if (error == http::error::need_more) {
      // Beast bounds the header; a chunk's header or a trailer it would wait for without end.
      if (bytes.size() - taken > limits_.header_bytes_max)
        parser_->problem = http_problem{431, "A chunk's header or the trailer is too large."};
      break;
    }
    if (error && !problem()) parser_->problem = problem_of(error, limits_);
    if (used == 0) break;
  }
  return taken;
}

bool http_reader::header_complete() const {
  return parser_->is_header_done();
}
bool http_reader::complete() const {
  return parser_->is_done() && !problem();
}
const std::optional<http_problem>& http_reader::problem() const {
  return parser_->problem;
}
bool http_reader::keep_alive() const {
  return parser_->keep_alive();
}
bool http_reader::expects_continue() const {
  return parser_->expects_continue;
}
bool http_reader::is_head() const {
  return parser_->is_head;
}
bool http_reader::is_http_1_0() const {
  return parser_->is_http_1_0;
}

std::size_t http_reader::bytes_max() const {
  const auto length = parser_->content_length();
  return parser_->header_bytes + (parser_->chunked() ? limits_.body_bytes_max
                                  : length           ? static_cast<std::size_t>(*length)
                                                     : 0);
}

void http_reader::discard_body() {
  parser_->discards = true;
  parser_->request.body = {};
}

http_request http_reader::take() {
  auto request = std::move(parser_->request);
  reset();
  return request;
}

void http_reader::reset() {
  parser_ = std::make_unique<parser>(limits_);
}

}  // namespace muster::connectors
