#include "connectors/node/worker.hpp"

#include <boost/test/unit_test.hpp>

#include <future>

BOOST_AUTO_TEST_SUITE(worker)

BOOST_AUTO_TEST_CASE(so_many_jobs_wait_and_no_more) {
  std::promise<void> begun;
  std::promise<void> go_on;
  std::promise<void> last;
  muster::connectors::worker worker(2);
  BOOST_TEST(worker.queued() == 0U);
  BOOST_TEST(worker.post([&] {
    begun.set_value();
    go_on.get_future().wait();
  }));
  begun.get_future().wait();
  BOOST_TEST(worker.queued() == 0U);
  BOOST_TEST(worker.post([] {}));
  BOOST_TEST(worker.post([&] { last.set_value(); }));
  BOOST_TEST(worker.queued() == 2U);
  BOOST_TEST(!worker.post([] {}));
  go_on.set_value();
  last.get_future().wait();
  BOOST_TEST(worker.queued() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
