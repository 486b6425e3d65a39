#include "connectors/https/http_reader.hpp"
#include "connectors/https/http_target.hpp"
#include "connectors/https/http_writer.hpp"

#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace muster::connectors;

namespace {

/// Feeds `text` in pieces of `piece` bytes, keeping what the reader leaves.
void feed(http_reader& reader, std::string_view text, std::size_t piece) {
  std::string unread;
  while (!text.empty() && !reader.problem() && !reader.complete()) {
    unread.append(text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
    unread.erase(0, reader.put(unread));
  }
}

int status_of(std::string_view text, std::size_t piece = 1) {
  http_reader reader({.header_bytes_max = 1024, .body_bytes_max = 100});
  feed(reader, text, piece);
  if (reader.problem()) return reader.problem()->status;
  return reader.complete() ? 200 : 100;
}

std::string segments(std::string_view target) {
  const auto parsed = parse_target(target);
  if (!parsed) return "invalid";
  std::string text = parsed->authority;
  for (const auto& each : parsed->path) text += "[" + each + "]";
  for (const auto& [name, value] : parsed->query) text += "{" + name + "=" + value + "}";
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(http_reader_)

BOOST_AUTO_TEST_CASE(a_request_reads_the_same_in_pieces_of_any_size) {
  const std::string text = "\r\nPUT /0ne1/registrations/d%3a1/register?api-version=2021-06-01&x HTTP/1.1\r\nHost: "
                           "h:443\r\nContent-Length: 5\r\n"
                           "X-Folded: a\r\n b\r\n\r\nhello";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    http_reader reader({});
    feed(reader, text, piece);
    BOOST_REQUIRE(reader.complete());
    BOOST_TEST(reader.keep_alive());
    const auto request = reader.take();
    BOOST_TEST(request.method == "PUT");
    BOOST_TEST(request.path == (std::vector<std::string>{"0ne1", "registrations", "d:1", "register"}),
               boost::test_tools::per_element());
    BOOST_TEST(request.parameter("API-Version") == "2021-06-01");
    BOOST_TEST(request.parameter("missing") == "");
    BOOST_TEST(request.header("host") == "h:443");
    BOOST_TEST(request.header("x-folded") == "a b");
    BOOST_TEST(request.body == "hello");
    BOOST_TEST(!reader.complete());
  }
}

BOOST_AUTO_TEST_CASE(a_chunked_body_reads_the_same_in_pieces_of_any_size_and_its_trailer_is_dropped) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string text = head + "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nAuthorization: forged\r\n\r\n";
  const std::string nothing = head + "0\r\n\r\n";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    http_reader reader({});
    feed(reader, text, piece);
    BOOST_REQUIRE(reader.complete());
    const auto request = reader.take();
    BOOST_TEST(request.body == "abcde");
    BOOST_TEST(request.header("authorization") == "");
    feed(reader, nothing, piece);
    BOOST_TEST(reader.complete());
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_taken_is_told_by_its_status) {
  const std::string host = "Host: h\r\n";
  BOOST_TEST(status_of("GET / HTTP/1.1\r\n" + host + "\r\n") == 200);
  BOOST_TEST(status_of("GET / HTTP/1.0\r\n\r\n") == 200);
  BOOST_TEST(status_of("GET / HTTP/1.1\r\n" + host) == 100);
  BOOST_TEST(status_of("GET / HTTP/1.1\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET / HTTP/1.1\r\n" + host + host + "\r\n") == 400);
  BOOST_TEST(status_of("GET / HTTP/2.0\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET /\r\n\r\n") == 400);
  BOOST_TEST(status_of("G(T / HTTP/1.1\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET relative HTTP/1.1\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET /%zz HTTP/1.1\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET /%00 HTTP/1.1\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET / HTTP/1.1\r\nno colon\r\n\r\n") == 400);
  BOOST_TEST(status_of("GET / HTTP/1.1\r\n" + host + "X: " + std::string(1100, 'x')) == 431);
  BOOST_TEST(status_of("GET /" + std::string(1100, 'x')) == 431);
}

BOOST_AUTO_TEST_CASE(too_many_fields_are_refused) {
  std::string text = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i) text += "A:\r\n";
  BOOST_TEST(status_of(text + "\r\n") == 431);
}

BOOST_AUTO_TEST_CASE(lengths_that_two_servers_could_read_differently_are_refused) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  BOOST_TEST(status_of(head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n") == 400);
  BOOST_TEST(status_of(head + "Content-Length: -1\r\n\r\n") == 400);
  BOOST_TEST(status_of(head + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  BOOST_TEST(status_of(head + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n") == 400);
  BOOST_TEST(status_of(head + "Transfer-Encoding: gzip, chunked\r\n\r\n") == 501);
  BOOST_TEST(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400);
  BOOST_TEST(status_of(head + "Expect: tea\r\n\r\n") == 417);
}

BOOST_AUTO_TEST_CASE(bodies_and_chunks_beyond_the_limit_are_refused) {
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
  BOOST_TEST(status_of(head + "Content-Length: 100\r\n\r\n" + std::string(100, 'x')) == 200);
  BOOST_TEST(status_of(head + "Content-Length: 101\r\n\r\n") == 413);
  const auto chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
  BOOST_TEST(status_of(chunked + "64\r\n" + std::string(100, 'x') + "\r\n1\r\n") == 413);
  BOOST_TEST(status_of(chunked + "zz\r\n") == 400);
  BOOST_TEST(status_of(chunked + "ffffffffffffffffff\r\n") == 400);
  BOOST_TEST(status_of(chunked + "1\r\nabc\r\n") == 400);
  BOOST_TEST(status_of(chunked + "1;" + std::string(5000, 'x'), 512) == 431);
  BOOST_TEST(status_of(chunked + "0\r\n" + std::string(5000, 'x'), 512) == 431);
}

BOOST_AUTO_TEST_CASE(a_head_is_taken_as_the_get_it_stands_for) {
  http_reader reader({});
  feed(reader, "HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", 99);
  BOOST_REQUIRE(reader.complete());
  BOOST_TEST(reader.is_head());
  BOOST_TEST(!reader.keep_alive());
  BOOST_TEST(reader.take().method == "GET");
}

BOOST_AUTO_TEST_CASE(targets_are_decoded_once_and_keep_encoded_slashes_inside_segments) {
  BOOST_TEST(segments("/") == "");
  BOOST_TEST(segments("/a/b/") == "[a][b]");
  BOOST_TEST(segments("/a//b") == "[a][][b]");
  BOOST_TEST(segments("/a%2Fb/%2541") == "[a/b][%41]");
  BOOST_TEST(segments("/a?b=c%26d&e=f+g&h&&=i") == "[a]{b=c&d}{e=f g}{h=}{=i}");
  BOOST_TEST(segments("https://host:443/a?b=c") == "host:443[a]{b=c}");
  BOOST_TEST(segments("https://host?b=c") == "host{b=c}");
  for (const auto wrong :
       {"", "a", "*", "https://", "ftp://host/", "host:443", "/%", "/%4", "/%4g", "/%0a", "/a?%00"}) {
    BOOST_TEST(segments(wrong) == "invalid", wrong);
  }
}

BOOST_AUTO_TEST_CASE(a_response_cannot_be_split_by_a_header) {
  std::string out;
  append_response(out, {.status = 202, .headers = {{"Location", "a\r\nX: y"}, {"Retry-After", "3"}}, .body = "body"},
                  {.date = "today", .correlation_id = "id"});
  BOOST_TEST(out == "HTTP/1.1 202 Accepted\r\nDate: today\r\nRetry-After: 3\r\nx-ms-request-id: id\r\n"
                    "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\nConnection: "
                    "keep-alive\r\nContent-Length: 4\r\n\r\nbody");
}

BOOST_AUTO_TEST_CASE(a_204_has_neither_body_nor_length) {
  std::string out;
  append_response(out, {.status = 204, .headers = {}, .body = "ignored"}, {.date = "today", .correlation_id = "id"});
  BOOST_TEST(out.find("Content-Length") == std::string::npos);
  BOOST_TEST(out.ends_with("\r\n\r\n"));
}

BOOST_AUTO_TEST_CASE(dates_are_written_as_http_wants_them) {
  BOOST_TEST(to_http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

BOOST_AUTO_TEST_SUITE_END()
