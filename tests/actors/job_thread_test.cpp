#include "actors/job_thread.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

using muster::actors::job_thread;

namespace {

using numbers = std::vector<int>;

/// Posts 1 to 5 and tells the thread to stop before it starts. Gives what was done together.
std::vector<numbers> done(std::size_t at_once, job_thread<int>::at_end end) {
  std::vector<numbers> all;
  job_thread<int> thread(at_once, end, [&](numbers jobs) { all.push_back(std::move(jobs)); });
  for (int i = 1; i <= 5; ++i) thread.post(i);
  BOOST_TEST(thread.queued() == 5U);
  thread.stop();
  thread.start();
  thread.stop();
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(job_thread_)

BOOST_AUTO_TEST_CASE(jobs_that_wait_are_done_together_and_in_order) {
  BOOST_TEST((done(100, job_thread<int>::at_end::does_the_rest) == std::vector<numbers>{{1, 2, 3, 4, 5}}));
}

BOOST_AUTO_TEST_CASE(no_more_are_done_together_than_was_said) {
  BOOST_TEST((done(2, job_thread<int>::at_end::does_the_rest) == std::vector<numbers>{{1, 2}, {3, 4}, {5}}));
}

BOOST_AUTO_TEST_CASE(a_thread_that_leaves_the_rest_begins_no_more_once_it_is_to_stop) {
  BOOST_TEST(done(2, job_thread<int>::at_end::leaves_the_rest).empty());
}

BOOST_AUTO_TEST_CASE(what_is_posted_while_nothing_is_to_do_is_done) {
  std::promise<int> got;
  job_thread<int> thread(1, job_thread<int>::at_end::leaves_the_rest,
                         [&](numbers jobs) { got.set_value(jobs.front()); });
  thread.start();
  thread.post(7);
  BOOST_TEST(got.get_future().get() == 7);
  thread.stop();
  thread.stop();
}

BOOST_AUTO_TEST_SUITE_END()
