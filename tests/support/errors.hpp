// The check that a call fails the way it should.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace vcell_test {

/// The call must throw an E (nothing more general) whose message holds all of the texts.
template <class E, class F>
void check_error(F&& call, const std::vector<std::string>& texts) {
  try {
    call();
  } catch (const E& e) {
    const std::string what = e.what();
    for (const std::string& text : texts) {
      INFO("expected '" << text << "' in the message '" << what << "'");
      CHECK(what.find(text) != std::string::npos);
    }
    return;
  } catch (const std::exception& e) {
    FAIL_CHECK("an error of another type: " << e.what());
    return;
  }
  FAIL_CHECK("no error");
}

/// The same for later.
template <class E, class F>
std::function<void()> fails(F call, std::vector<std::string> texts) {
  return [call = std::move(call), texts = std::move(texts)] { check_error<E>(call, texts); };
}

}  // namespace vcell_test
