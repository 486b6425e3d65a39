#include "connectors/kafka/kafka_keyring.hpp"

#include "connectors/kafka/keys_follower.hpp"
#include "connectors/kafka/migration_mark.hpp"
#include "connectors/kafka/topic_check.hpp"
#include "connectors/storage/key_wrap.hpp"
#include "connectors/storage/master_key.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

events::data_key_id id_of(std::string_view bytes) {
  events::data_key_id id;
  std::copy_n(bytes.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

/// The clients of a keyring, and where its copy stands.
struct keyring_parts {
  std::unique_ptr<key_cache> cache;
  std::unique_ptr<kafka_admin> admin;
  std::unique_ptr<kafka_producer> producer;
  std::unique_ptr<kafka_consumer> consumer;
  std::int64_t next_offset = 0;
};

class kafka_keyring final : public engine::keyring {
public:
  kafka_keyring(kafka_keyring_options options, keyring_parts parts)
      : options_(std::move(options)), fingerprint_(fingerprint_of(options_.master_key)), cache_(std::move(parts.cache)),
        admin_(std::move(parts.admin)), producer_(std::move(parts.producer)),
        follower_({options_, *cache_, *admin_, *producer_}, std::move(parts.consumer), parts.next_offset) {}

  result<void> catch_up(std::chrono::milliseconds without_progress) { return follower_.catch_up(without_progress); }

  /// `conflict` if the mark of a migration is in the copy, and it was not opened for that one.
  result<void> check_whole() const {
    if (options_.for_migration) return {};
    const auto mark = cache_->find(migration_mark_key);
    if (mark) return std::unexpected(unfinished_migration(options_.topic, *mark));
    if (mark.error().code != errc::not_found) return std::unexpected(mark.error());
    return {};
  }

  const events::digest& master_key_fingerprint() const override { return fingerprint_; }

  result<void> store(std::span<const engine::named_key> keys) override {
    std::vector<key_cache::change> fresh;
    for (const auto& key : keys) {
      const auto there = in_copy(key.id);
      if (there) {
        if (CRYPTO_memcmp(there->bytes().data(), key.key.bytes().data(), key.key.bytes().size()) == 0) continue;
        return fail(errc::conflict, "data key " + events::to_hex(key.id.view()) + " is there already, and another");
      }
      if (there.error().code != errc::not_found) return std::unexpected(there.error());
      fresh.push_back({std::string(key.id.view()), wrap_key(options_.master_key, key, *options_.entropy)});
    }
    if (auto sent = write_keys(*producer_, options_.topic, fresh, "stored"); !sent)
      return std::unexpected(sent.error());
    return cache_->keep(fresh);
  }

  result<engine::data_key> find(const events::data_key_id& id) override {
    auto there = in_copy(id);
    if (there || there.error().code != errc::not_found) return there;
    if (auto caught_up = follower_.catch_up(options_.wait); !caught_up) return std::unexpected(caught_up.error());
    return in_copy(id);
  }

  result<void> each(const std::function<result<void>(const engine::named_key&)>& take) override {
    if (auto caught_up = follower_.catch_up(options_.wait); !caught_up) return caught_up;
    return cache_->each([&](std::string_view id, std::string_view wrapped) -> result<void> {
      if (id == migration_mark_key) return {};
      engine::named_key key{id_of(id), {}};
      auto opened = unwrap_key(options_.master_key, key.id, wrapped);
      if (!opened) return std::unexpected(opened.error());
      key.key = *opened;
      return take(key);
    });
  }

  // Tombstones come back through the topic like everybody else's: a key can so never come after its own destruction.
  result<void> destroy(std::span<const events::data_key_id> ids) override {
    if (ids.empty()) return {};
    std::vector<key_cache::change> tombstones;
    for (const auto& id : ids) tombstones.push_back({std::string(id.view()), std::nullopt});
    const auto last = write_keys(*producer_, options_.topic, tombstones, "destroyed");
    if (!last) return std::unexpected(last.error());
    return follower_.erase_up_to(*last);
  }

private:
  result<engine::data_key> in_copy(const events::data_key_id& id) const {
    const auto wrapped = cache_->find(id.view());
    if (!wrapped) return std::unexpected(wrapped.error());
    return unwrap_key(options_.master_key, id, *wrapped);
  }

  const kafka_keyring_options options_;
  const events::digest fingerprint_;
  std::unique_ptr<key_cache> cache_;
  std::unique_ptr<kafka_admin> admin_;
  std::unique_ptr<kafka_producer> producer_;
  keys_follower follower_;  // last: it works with what stands above
};

/// The copy, as far as it can be gone on with: one that may have missed destructions is thrown away.
result<std::unique_ptr<key_cache>> open_copy(const kafka_keyring_options& options, const std::string& keyring,
                                             const kafka_watermarks& marks) {
  auto cache = key_cache::open(options.directory, keyring);
  if (!cache) return cache;
  const auto at = (*cache)->position();
  if (!at) return std::unexpected(at.error());
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(options.clock->now().time_since_epoch()).count();
  const auto tombstones_seen_within = std::chrono::seconds(tombstones_kept).count() / 2;
  const bool behind = at->next_offset > 0 && now - at->followed_at > tombstones_seen_within;
  const bool ahead = at->next_offset > marks.high;
  if (behind || ahead) {
    if (auto cleared = (*cache)->clear(); !cleared) return std::unexpected(cleared.error());
  }
  return cache;
}

}  // namespace

result<std::unique_ptr<engine::keyring>> open_kafka_keyring(kafka_keyring_options options) {
  MUSTER_ASSERT(options.entropy != nullptr && options.clock != nullptr);
  auto admin = kafka_admin::make(options.connection);
  if (!admin) return std::unexpected(admin.error());
  const auto topic = (*admin)->topic(options.topic, options.start_wait);
  if (!topic) {
    if (topic.error().code != errc::not_found) return std::unexpected(topic.error());
    return fail(errc::not_found, topic.error().text + ": run 'muster cluster init' first");
  }
  const auto settings =
      checked_settings(**admin, options.topic, *topic, keys_topic_rules, options.wait, options.connection.log);
  if (!settings) return std::unexpected(settings.error());
  const auto header = read_keyring_header(options.connection, options.topic, options.start_wait);
  if (!header) return std::unexpected(header.error());
  if (header->master_key_fingerprint != fingerprint_of(options.master_key)) {
    return fail(errc::denied,
                "the keyring in topic " + options.topic + " was made with the master key of fingerprint " +
                    events::to_hex(events::as_bytes(header->master_key_fingerprint)) + ", and the one given has " +
                    events::to_hex(events::as_bytes(fingerprint_of(options.master_key))) +
                    ": give the master key that belongs to this keyring");
  }
  const auto marks = (*admin)->watermarks(options.topic, 0, options.wait);
  if (!marks) return std::unexpected(marks.error());
  auto cache = open_copy(options, header->keyring, *marks);
  if (!cache) return std::unexpected(cache.error());
  const auto at = (*cache)->position();
  if (!at) return std::unexpected(at.error());
  auto producer = kafka_producer::make(options.connection, {options.topic});
  if (!producer) return std::unexpected(producer.error());
  auto consumer = kafka_consumer::make(options.connection, options.topic);
  if (!consumer) return std::unexpected(consumer.error());
  const auto from = at->next_offset == 0 ? kafka_consumer::from_beginning : at->next_offset;
  if (auto began = (*consumer)->start(0, from); !began) return std::unexpected(began.error());
  auto keyring = std::make_unique<kafka_keyring>(
      std::move(options),
      keyring_parts{std::move(*cache), std::move(*admin), std::move(*producer), std::move(*consumer), at->next_offset});
  if (auto caught_up = keyring->catch_up(std::chrono::seconds(30)); !caught_up)
    return std::unexpected(caught_up.error());
  if (auto whole = keyring->check_whole(); !whole) return std::unexpected(whole.error());
  return keyring;
}

}  // namespace muster::connectors
