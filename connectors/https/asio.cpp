// Asio's own code, compiled once (BOOST_ASIO_SEPARATE_COMPILATION is set for the target).
#include <boost/asio/impl/src.hpp>
