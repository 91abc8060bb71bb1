# Sourced by quickstart.sh and test.sh: installs what is missing, and times the parts of a run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

# Debian and Ubuntu name these packages alike.
apt_packages=(g++ cmake ninja-build pkg-config ccache libeigen3-dev libfmt-dev libhdf5-dev zlib1g-dev
  rapidjson-dev libtomlplusplus-dev libyaml-cpp-dev libzstd-dev libdeflate-dev libcli11-dev catch2 nlohmann-json3-dev libbenchmark-dev
  libdnnl-dev ocl-icd-opencl-dev gnuplot-nox libboost-math-dev)
apt_packages_all=(clang lld doxygen)

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
      echo "$package"
  done
}

# install PACKAGE...: those of them that are not there, by apt as root or with sudo.
install() {
  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      echo "Not installed, and neither root nor sudo to do it: ${missing[*]}"
      echo "Going on with what is there; otherwise: apt-get install ${missing[*]}"
      return 0
    fi
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

print_package_names() {
  cat <<'NAMES'
This is no Debian or Ubuntu, so nothing is installed here. Needed are a C++20 compiler and:
  conda-forge  cxx-compiler cmake ninja pkg-config ccache eigen fmt hdf5 zlib rapidjson tomlplusplus
               yaml-cpp zstd libdeflate cli11 catch2 nlohmann_json benchmark onednn gnuplot
  Homebrew     cmake ninja pkg-config ccache eigen fmt hdf5 zlib rapidjson tomlplusplus yaml-cpp zstd libdeflate
               cli11 catch2 nlohmann-json google-benchmark onednn gnuplot
  vcpkg        eigen3 fmt hdf5 zlib rapidjson tomlplusplus yaml-cpp zstd libdeflate cli11 catch2 nlohmann-json benchmark
               onednn (with cmake, ninja and gnuplot of your own)
Going on with what is there.
NAMES
}

# set_up [all]: what quickstart.sh and test.sh need; all: also what test.sh --all needs.
set_up() {
  if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    install "${apt_packages[@]}" || return 1
    if [ "${1:-}" = all ]; then
      install "${apt_packages_all[@]}" || return 1
      install clang-format-14 || echo "There is no clang-format-14 here, and so no format check."
      # The sanitizers' libraries are a package of their own, named after clang's version.
      install "libclang-rt-$(clang++ -dumpversion | cut -d. -f1)-dev" || return 1
    fi
  else
    print_package_names
  fi
  local tool
  for tool in cmake ninja; do
    command -v "$tool" >/dev/null || { echo "$tool is not there; install it first." >&2; return 1; }
  done
}

# part NAME COMMAND...: runs it, and notes how long it took and whether it failed.
parts=()
failed=0
part() {
  local name=$1 start=$SECONDS status=0
  shift
  echo "== $name"
  "$@" || status=$?
  parts+=("$(printf '%6d s  %s%s' $((SECONDS - start)) "$name" "$([ $status = 0 ] || echo ': FAILED')")")
  [ $status = 0 ] || failed=1
  return $status
}

print_parts() { printf '%s\n' "${parts[@]}"; }
