#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dure {

/// A map that iterates in insertion order, as JSON objects, templates and vocabularies need, with hashed lookup once it
/// is larger than a handful. It has the part of std::map's interface that nlohmann::basic_json asks of an object type.
/// Keys are strings; the ignored parameter stands where std::map has its comparison.
template <class Key, class T, class Ignored = std::less<Key>, class Allocator = std::allocator<std::pair<const Key, T>>>
class OrderedMap : public std::vector<std::pair<const Key, T>, Allocator> {
 public:
  using key_type = Key;
  using mapped_type = T;
  using Container = std::vector<std::pair<const Key, T>, Allocator>;
  using iterator = typename Container::iterator;
  using const_iterator = typename Container::const_iterator;
  using size_type = typename Container::size_type;
  using value_type = typename Container::value_type;
  using key_compare = std::equal_to<>;

  OrderedMap() = default;
  explicit OrderedMap(const Allocator& allocator) : Container(allocator) {}
  template <class It>
  OrderedMap(It first, It last, const Allocator& allocator = Allocator()) : Container(allocator) {
    for (; first != last; ++first) emplace(first->first, first->second);
  }
  OrderedMap(std::initializer_list<value_type> init, const Allocator& allocator = Allocator())
      : OrderedMap(init.begin(), init.end(), allocator) {}
  OrderedMap(const OrderedMap& other) : Container(other) { reindex(); }
  OrderedMap(OrderedMap&& other) noexcept = default;
  OrderedMap& operator=(const OrderedMap& other) {
    Container copy(other);
    Container::swap(copy);
    reindex();
    return *this;
  }
  OrderedMap& operator=(OrderedMap&& other) noexcept = default;

  std::pair<iterator, bool> emplace(const Key& key, T&& value) { return insert_pair(key, std::move(value)); }
  std::pair<iterator, bool> emplace(const Key& key, const T& value) { return insert_pair(key, value); }
  std::pair<iterator, bool> insert(value_type&& value) { return insert_pair(value.first, std::move(value.second)); }
  std::pair<iterator, bool> insert(const value_type& value) { return insert_pair(value.first, value.second); }
  template <class It>
  void insert(It first, It last) {
    for (; first != last; ++first) insert(*first);
  }

  T& operator[](const Key& key) { return emplace(key, T{}).first->second; }
  const T& operator[](const Key& key) const { return at(key); }
  T& at(const Key& key) { return at_impl(*this, key); }
  const T& at(const Key& key) const { return at_impl(*this, key); }

  iterator find(std::string_view key) { return this->begin() + position(key); }
  const_iterator find(std::string_view key) const { return this->begin() + position(key); }
  size_type count(std::string_view key) const { return position(key) < this->size() ? 1 : 0; }

  size_type erase(std::string_view key) {
    const size_t at = position(key);
    if (at == this->size()) return 0;
    erase(this->begin() + at);
    return 1;
  }
  iterator erase(const_iterator at) { return erase(at, at + 1); }
  iterator erase(const_iterator first, const_iterator last) {
    // Keys are const, so elements can't be assigned down: rebuild without [first, last).
    const size_t begin = first - this->begin(), end = last - this->begin();
    Container kept;
    kept.reserve(this->size() - (end - begin));
    for (size_t i = 0; i < this->size(); ++i)
      if (i < begin || i >= end) kept.emplace_back((*this)[i].first, std::move((*this)[i].second));
    Container::swap(kept);
    reindex();
    return this->begin() + begin;
  }
  void clear() noexcept {
    Container::clear();
    index_.reset();
  }

 private:
  using Container::operator[];
  static constexpr size_t kLinear = 12;  // up to here a scan is faster than a hash

  value_type& operator[](size_t i) { return Container::operator[](i); }
  const value_type& operator[](size_t i) const { return Container::operator[](i); }

  template <class Self>
  static auto& at_impl(Self& self, const Key& key) {
    auto it = self.find(key);
    if (it == self.end()) throw std::out_of_range("key not found");
    return it->second;
  }

  size_t position(std::string_view key) const {
    const size_t n = this->size();
    if (n <= kLinear) {
      for (size_t i = 0; i < n; ++i)
        if ((*this)[i].first == key) return i;
      return n;
    }
    const auto [begin, end] = index_->equal_range(std::hash<std::string_view>()(key));
    for (auto it = begin; it != end; ++it)
      if ((*this)[it->second].first == key) return it->second;
    return n;
  }

  template <class Value>
  std::pair<iterator, bool> insert_pair(const Key& key, Value&& value) {
    const size_t at = position(key);
    if (at < this->size()) return {this->begin() + at, false};
    this->emplace_back(key, std::forward<Value>(value));
    if (index_) {
      index_->emplace(std::hash<std::string_view>()(this->back().first), at);
    } else {
      reindex();
    }
    return {this->begin() + at, true};
  }

  /// Kept up by every change and never by a lookup, so that several threads may read one map.
  void reindex() {
    index_.reset();
    if (this->size() <= kLinear) return;
    index_ = std::make_unique<Index>();
    for (size_t i = 0; i < this->size(); ++i) index_->emplace(std::hash<std::string_view>()((*this)[i].first), i);
  }

  // hash of the key -> position (not pointer: growth moves the elements); null while the map is small
  using Index = std::unordered_multimap<size_t, size_t>;
  std::unique_ptr<Index> index_;
};

}  // namespace dure
