// The check that a call fails the way it should.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "support/catch.hpp"

namespace vcell_test {

/// The call must throw an E (nothing more general) whose message holds all of the texts.
template <class E, class F>
void check_error(F&& call, std::initializer_list<std::string_view> texts) {
  try {
    call();
  } catch (const E& e) {
    const std::string what = e.what();
    for (const std::string_view text : texts) {
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

}  // namespace vcell_test
