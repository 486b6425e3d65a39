#include "connectors/node/line_writer.hpp"

#include <boost/test/unit_test.hpp>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace muster;

namespace {

std::string report(std::uint64_t count) {
  return "dropped " + std::to_string(count) + "\n";
}

/// Two ends of something to write into and read from.
struct ends {
  int read = -1;
  int write = -1;
  ~ends() {
    if (read >= 0) ::close(read);
    close_write();
  }
  void close_write() {
    if (write >= 0) ::close(std::exchange(write, -1));
  }
  std::string read_all() {
    std::string all;
    std::array<char, 4096> some;
    for (ssize_t size = 0; (size = ::read(read, some.data(), some.size())) > 0;)
      all.append(some.data(), static_cast<std::size_t>(size));
    return all;
  }
};

ends small_pipe() {
  std::array<int, 2> made{};
  BOOST_REQUIRE(::pipe(made.data()) == 0);
  ::fcntl(made[1], F_SETPIPE_SZ, 4096);
  return {made[0], made[1]};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(line_writer_)

BOOST_AUTO_TEST_CASE(lines_are_written_in_order_and_many_at_once) {
  // Each write to such a socket is one packet.
  std::array<int, 2> made{};
  BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, made.data()) == 0);
  const ends packets{made[0], made[1]};
  std::string sent;
  {
    connectors::line_writer writer(packets.write, 1 << 20, report);
    for (int i = 0; i < 1000; ++i) {
      const auto line = "line " + std::to_string(i) + "\n";
      sent += line;
      writer.put(line, false);
    }
  }
  std::string received;
  int writes = 0;
  std::vector<char> packet(1 << 20);
  for (ssize_t size = 0; (size = ::recv(packets.read, packet.data(), packet.size(), MSG_DONTWAIT)) > 0; ++writes)
    received.append(packet.data(), static_cast<std::size_t>(size));
  BOOST_TEST((received == sent));
  BOOST_TEST(writes < 50);
}

BOOST_AUTO_TEST_CASE(a_full_pipe_blocks_nobody_and_what_is_dropped_is_counted_and_told) {
  auto pipe = small_pipe();
  const std::string line(99, 'x');
  std::string received;
  std::uint64_t dropped = 0;
  {
    connectors::line_writer writer(pipe.write, 10'000, report);
    while (writer.dropped() < 100) writer.put(line + "\n", false);
    dropped = writer.dropped();
    // Now somebody reads: what was queued comes first, then how many were dropped.
    while (received.find("dropped") == std::string::npos) {
      std::array<char, 4096> some;
      const auto size = ::read(pipe.read, some.data(), some.size());
      BOOST_REQUIRE(size > 0);
      received.append(some.data(), static_cast<std::size_t>(size));
    }
    writer.put("after\n", true);
  }
  pipe.close_write();
  received += pipe.read_all();
  BOOST_TEST(received.ends_with("dropped " + std::to_string(dropped) + "\nafter\n"));
}

BOOST_AUTO_TEST_CASE(the_end_does_not_wait_for_ever_for_a_pipe_that_nobody_reads) {
  auto pipe = small_pipe();
  connectors::line_writer writer(pipe.write, 1 << 20, report);
  for (int i = 0; i < 100; ++i) writer.put(std::string(99, 'x') + "\n", false);
}

BOOST_AUTO_TEST_CASE(a_pipe_whose_reader_is_gone_does_not_end_the_process) {
  const auto before = std::signal(SIGPIPE, SIG_DFL);
  auto pipe = small_pipe();
  ::close(std::exchange(pipe.read, -1));
  {
    connectors::line_writer writer(pipe.write, 1 << 20, report);
    writer.put("one\n", true);
    while (writer.dropped() == 0) std::this_thread::yield();
    BOOST_TEST(writer.dropped() == 1);
  }
  std::signal(SIGPIPE, before);
}

BOOST_AUTO_TEST_CASE(an_abort_and_a_quick_exit_write_what_is_queued) {
  for (const bool aborts : {true, false}) {
    auto pipe = small_pipe();
    const auto child = ::fork();
    if (child == 0) {
      connectors::line_writer writer(pipe.write, 1 << 20, report);
      writer.write_before_sudden_ends();
      for (int i = 0; i < 30; ++i) writer.put("line " + std::to_string(i) + "\n", false);
      if (aborts) std::abort();
      std::quick_exit(70);
    }
    pipe.close_write();
    const auto all = pipe.read_all();
    int status = 0;
    ::waitpid(child, &status, 0);
    BOOST_TEST(all.ends_with("line 28\nline 29\n"));
    BOOST_TEST((aborts ? WIFSIGNALED(status) : WEXITSTATUS(status) == 70));
  }
}

BOOST_AUTO_TEST_SUITE_END()
