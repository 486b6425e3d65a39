#include "connectors/cli/output.hpp"

#include <cerrno>
#include <iostream>
#include <system_error>

namespace muster::connectors {

namespace {

/// Passes everything on, and remembers why it was not taken: by the time a failure is met, `errno` is another's.
class watched_output final : public std::streambuf {
public:
  explicit watched_output(std::streambuf& to) : to_(to) {}
  int failure() const { return failure_; }

protected:
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
    const bool taken = !traits_type::eq_int_type(to_.sputc(traits_type::to_char_type(c)), traits_type::eof());
    return note(taken) ? c : traits_type::eof();
  }
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    const auto taken = to_.sputn(text, size);
    note(taken == size);
    return taken;
  }
  int sync() override { return note(to_.pubsync() == 0) ? 0 : -1; }

private:
  bool note(bool good) {
    if (!good && failure_ == 0) failure_ = errno != 0 ? errno : EIO;
    return good;
  }

  std::streambuf& to_;
  int failure_ = 0;
};

/// While it lives, std::cout is watched and throws.
class watching {
public:
  watching() : before_(std::cout.rdbuf()), masked_(std::cout.exceptions()), output_(*before_) {
    std::cout.rdbuf(&output_);
    std::cout.exceptions(std::ios::badbit);
  }
  ~watching() {
    std::cout.exceptions(std::ios::goodbit);
    std::cout.rdbuf(before_);  // and clears what was wrong
    std::cout.exceptions(masked_);
  }
  watching(const watching&) = delete;
  watching& operator=(const watching&) = delete;
  int failure() const { return output_.failure(); }

private:
  std::streambuf* before_;
  std::ios::iostate masked_;
  watched_output output_;
};

}  // namespace

int with_checked_output(const std::function<int()>& command) {
  int code = 0;
  int failure = 0;
  {
    const watching output;
    try {
      code = command();
      std::cout.flush();
    } catch (const std::ios_base::failure&) {
      // `output` knows why.
    }
    failure = output.failure();
  }
  if (failure == 0) return code;
  if (failure == EPIPE) return exit_of_broken_pipe;
  std::cerr << "muster: the output could not be written: " << std::generic_category().message(failure) << '\n';
  return code != 0 ? code : 1;
}

void go_on_without_output() {
  std::cout.exceptions(std::ios::goodbit);
}

}  // namespace muster::connectors
