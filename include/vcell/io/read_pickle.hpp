#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vcell/core/instantiate.hpp"
#include "vcell/io/pickle.hpp"
#include "vcell/io/pickle_builder.hpp"

VCELL_BEGIN_NAMESPACE
namespace detail {

/// The machine of a pickle (Python's pickletools describes its instructions), protocols 2 to 5.
/// It calls nothing: what is to be made goes to the builder, which knows a closed list.
template <class = void>
class PickleMachine {
 public:
  PickleMachine(PickleBuilder<>& builder, std::string_view text, uint64_t begin)
      : build_(builder), text_(text), at_(begin) {}

  /// Runs to the end; what it built is the root.
  void run() {
    while (step(byte())) {
    }
    if (stack_.size() != 1 || !marks_.empty())
      build_.fail("ends with ", stack_.size(), " values on its stack, expected 1");
    build_.finish(stack_[0], at_);
  }

 private:
  // Reading.
  std::string_view take(uint64_t bytes) {
    if (bytes > text_.size() - at_)
      build_.fail("is cut off: an instruction wants ", bytes, " bytes and ", text_.size() - at_,
                  " are left");
    at_ += bytes;
    return text_.substr(size_t(at_ - bytes), size_t(bytes));
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  uint8_t byte() {
    build_.at = at_;
    return number<uint8_t>();
  }
  std::string_view line() {
    const size_t end = text_.find('\n', size_t(at_));
    if (end == text_.npos) build_.fail("is cut off within a name");
    const size_t length = end - size_t(at_);
    return take(length + 1).substr(0, length);
  }
  template <class Size>
  std::string sized() {
    return std::string(take(number<Size>()));
  }

  // The stack. What lies below a mark is out of reach until the mark is taken away.
  void push(uint32_t value) { stack_.push_back(value); }
  size_t reachable() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
  void need(size_t values) const {
    if (reachable() < values)
      build_.fail("wants ", values, " values from its stack and ", reachable(), " are there");
  }
  uint32_t pop() {
    need(1);
    const uint32_t value = stack_.back();
    stack_.pop_back();
    return value;
  }
  uint32_t top() const {
    need(1);
    return stack_.back();
  }
  /// The values since the last mark, which goes.
  std::vector<uint32_t> since_mark() {
    if (marks_.empty()) build_.fail("wants a mark on its stack and there is none");
    const std::vector<uint32_t> out(stack_.begin() + std::ptrdiff_t(marks_.back()), stack_.end());
    stack_.resize(marks_.back());
    marks_.pop_back();
    return out;
  }
  std::vector<uint32_t> last(size_t n) {
    need(n);
    const std::vector<uint32_t> out(stack_.end() - std::ptrdiff_t(n), stack_.end());
    stack_.resize(stack_.size() - n);
    return out;
  }

  void remember(uint64_t place) {
    if (place >= most_pickle_nodes) build_.fail("remembers a value at ", place, ", too far");
    if (place >= memo_.size()) memo_.resize(size_t(place) + 1, no_node);
    memo_[size_t(place)] = top();
  }
  void recall(uint64_t place) {
    if (place >= memo_.size() || memo_[size_t(place)] == no_node)
      build_.fail("recalls a value at ", place, " that it has not remembered");
    push(memo_[size_t(place)]);
  }
  void integer_of(std::string_view bytes) { push(build_.whole_number(bytes)); }

  /// One instruction; false: it was the last.
  bool step(uint8_t code) {
    using K = PickleKind;
    switch (code) {
      case 0x80:
        if (const auto protocol = number<uint8_t>(); protocol < 2 || protocol > 5)
          build_.fail("is of protocol ", int(protocol), ", expected 2 to 5");
        break;
      case 0x95:
        number<uint64_t>();
        break;  // a frame says only what could be read ahead
      case '.':
        return false;
      case '(':
        marks_.push_back(stack_.size());
        break;
      case '0':
        reachable() == 0 && !marks_.empty() ? marks_.pop_back() : void(pop());
        break;
      case '1':
        since_mark();
        break;
      case '2':
        push(top());
        break;
      // Constants.
      case 'N':
        push(build_.none());
        break;
      case 0x88:
        push(build_.truth(true));
        break;
      case 0x89:
        push(build_.truth(false));
        break;
      case 'J':
        push(build_.integer(number<int32_t>()));
        break;
      case 'K':
        push(build_.integer(number<uint8_t>()));
        break;
      case 'M':
        push(build_.integer(number<uint16_t>()));
        break;
      case 0x8a:
        integer_of(take(number<uint8_t>()));
        break;
      case 0x8b:
        integer_of(take(number<uint32_t>()));
        break;
      case 'G':
        push(build_.real(take(8)));
        break;
      case 'X':
        push(build_.text(K::text, sized<uint32_t>()));
        break;
      case 0x8c:
        push(build_.text(K::text, sized<uint8_t>()));
        break;
      case 0x8d:
        push(build_.text(K::text, sized<uint64_t>()));
        break;
      case 'T':
        push(build_.text(K::text, sized<uint32_t>()));
        break;
      case 'U':
        push(build_.text(K::text, sized<uint8_t>()));
        break;
      case 'B':
        push(build_.text(K::bytes, sized<uint32_t>()));
        break;
      case 'C':
        push(build_.text(K::bytes, sized<uint8_t>()));
        break;
      case 0x8e:
        push(build_.text(K::bytes, sized<uint64_t>()));
        break;
      case 0x96:
        push(build_.text(K::bytes, sized<uint64_t>()));
        break;
      // Containers.
      case ']':
        push(build_.items(K::list, {}));
        break;
      case ')':
        push(build_.items(K::tuple, {}));
        break;
      case '}':
        push(build_.items(K::dict, {}));
        break;
      case 0x8f:
        push(build_.items(K::set, {}));
        break;
      case 'l':
        push(build_.items(K::list, since_mark()));
        break;
      case 't':
        push(build_.items(K::tuple, since_mark()));
        break;
      case 0x85:
        push(build_.items(K::tuple, last(1)));
        break;
      case 0x86:
        push(build_.items(K::tuple, last(2)));
        break;
      case 0x87:
        push(build_.items(K::tuple, last(3)));
        break;
      case 'd': {
        const auto pairs = since_mark();
        push(build_.items(K::dict, {}));
        build_.put(top(), pairs);
        break;
      }
      case 0x91: {
        const auto members = since_mark();
        push(build_.items(K::set, {}));
        build_.add(top(), members);
        break;
      }
      case 'a':
        extend(last(1));
        break;
      case 'e':
        extend(since_mark());
        break;
      case 's':
        put(last(2));
        break;
      case 'u':
        put(since_mark());
        break;
      case 0x90:
        add(since_mark());
        break;
      // What was made before.
      case 'q':
        remember(number<uint8_t>());
        break;
      case 'r':
        remember(number<uint32_t>());
        break;
      case 0x94:
        remember(remembered_++);
        return true;
      case 'h':
        recall(number<uint8_t>());
        break;
      case 'j':
        recall(number<uint32_t>());
        break;
      // Names and what is made by them.
      case 'c': {
        const std::string module(line());
        push(build_.global(module, std::string(line())));
        break;
      }
      case 0x93: {
        const auto names = last(2);
        push(build_.global_of(names[0], names[1]));
        break;
      }
      case 'R':
      case 0x81: {
        const auto call = last(2);
        push(build_.call(call[0], call[1]));
        break;
      }
      case 0x92: {
        const auto call = last(3);
        push(build_.call(call[0], call[1]));
        break;
      }
      case 'b': {
        const uint32_t state = pop();
        build_.set_state(top(), state);
        break;
      }
      case 'Q':
        push(build_.persistent(pop()));
        break;
      default:
        build_.fail("has an instruction ", int(code), ", which is none of protocols 2 to 5 that ",
                    "vcell reads");
    }
    return true;
  }
  void extend(const std::vector<uint32_t>& values) { build_.extend(top(), values); }
  void put(const std::vector<uint32_t>& pairs) { build_.put(top(), pairs); }
  void add(const std::vector<uint32_t>& members) { build_.add(top(), members); }

  static constexpr uint32_t no_node = UINT32_MAX;
  PickleBuilder<>& build_;
  std::string_view text_;
  uint64_t at_;
  std::vector<uint32_t> stack_, memo_;
  std::vector<size_t> marks_;
  uint64_t remembered_ = 0;
};

}  // namespace detail
VCELL_END_NAMESPACE
