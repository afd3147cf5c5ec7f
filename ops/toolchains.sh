# What `ops/test --all` needs beyond Python, one function per toolchain; sourced after lib.sh.
# Each makes .envs/NAME/ready, or leaves the reason in .envs/NAME/left-out. A step that should work
# here and fails ends the script.
# shellcheck shell=bash

# packages NAME COMMAND PACKAGE...: have COMMAND, installing Debian packages if this user may.
packages() {
    local name=$1 command=$2
    shift 2
    command -v "$command" >/dev/null && return
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        leave_out "$name" "$command is missing; as root: apt-get install $*"
        return 1
    fi
    say "Installing $* ..."
    apt_get install "$@" || { apt_get update && apt_get install "$@"; } || die "apt-get install $* failed"
}

apt_get() {
    local output action=$1
    shift
    output=$(DEBIAN_FRONTEND=noninteractive apt-get -q -y "$action" --no-install-recommends "$@" 2>&1) && return
    say "$output"
    return 1
}

leave_out() { # leave_out NAME REASON
    rm -rf "${ENVS:?}/$1"
    mkdir -p "$ENVS/$1"
    printf '%s\n' "$2" >"$ENVS/$1/left-out"
}

# fresh NAME FILE...: whether NAME was made from exactly these files; if not, start it anew.
fresh() {
    local name=$1 want
    shift
    want=$(digest "$@")
    [ "$(cat "$ENVS/$name/ready" 2>/dev/null)" = "$want" ] && return
    rm -rf "${ENVS:?}/$name"
    mkdir -p "$ENVS/$name"
    return 1
}

ready() { # ready NAME FILE...: the counterpart of fresh
    local name=$1
    shift
    digest "$@" >"$ENVS/$name/ready"
}

toolchain_cc() { # the load generators of ops/bench are C
    packages cc cc gcc libc6-dev || return 0
    mkdir -p "$ENVS/cc" && command -v cc >"$ENVS/cc/ready"
}

toolchain_kcat() {
    packages kcat kcat kcat || return 0
    mkdir -p "$ENVS/kcat" && command -v kcat >"$ENVS/kcat/ready"
}

toolchain_node() { # Node.js itself is a locked Python package: the same version everywhere
    local folder=$ROOT/tests/clients/node
    make_environment "$ENVS/node-runtime" "$LOCKS/node.txt"
    fresh node "$folder/package-lock.json" && return
    cp "$folder/package.json" "$folder/package-lock.json" "$ENVS/node"
    say "Installing Node.js clients into .envs/node ..."
    (cd "$ENVS/node" && PATH=$ENVS/node-runtime/bin:$PATH npm ci --silent --no-audit --no-fund --ignore-scripts) ||
        die "npm ci failed in .envs/node"
    ready node "$folder/package-lock.json"
}

toolchain_go() {
    local folder=$ROOT/tests/clients/go minor
    PATH=$PATH:/usr/local/go/bin # where Go's own archive unpacks to
    minor=$( (go version 2>/dev/null || true) | sed -n 's/.* go1\.\([0-9]*\).*/\1/p')
    if [ "${minor:-0}" -lt 26 ]; then
        leave_out go "Go 1.26 or newer is missing (found: ${minor:+1.}${minor:-none})"
        return
    fi
    fresh go "$folder"/*.go "$folder/go.mod" "$folder/go.sum" && return
    say "Building the Go client into .envs/go ..."
    (cd "$folder" && GOFLAGS=-mod=readonly GOTOOLCHAIN=local go build -o "$ENVS/go/client" .) || die "go build failed"
    ready go "$folder"/*.go "$folder/go.mod" "$folder/go.sum"
}

toolchain_java() {
    local folder=$ROOT/tests/clients/java
    packages java javac default-jdk-headless || return 0
    packages java mvn maven || return 0
    fresh java "$folder/pom.xml" "$folder"/*.java && return
    say "Fetching Apache Kafka's jars into .envs/java ..."
    mvn -q -B -f "$folder/pom.xml" dependency:copy-dependencies -DoutputDirectory="$ENVS/java/lib" \
        -DincludeScope=runtime || die "Maven could not fetch Kafka's jars"
    javac -d "$ENVS/java/classes" -cp "$ENVS/java/lib/*" "$folder"/*.java || die "javac failed"
    ready java "$folder/pom.xml" "$folder"/*.java
}

toolchain_loop_mount() { # an ext4 of our own, whose power can be cut
    if [ "$(id -u)" != 0 ]; then
        leave_out loop_mount "mounting needs root"
        return
    fi
    packages loop_mount mkfs.ext4 e2fsprogs || return 0
    mkdir -p "$ENVS/loop_mount" && id -un >"$ENVS/loop_mount/ready"
}

toolchain_network_namespaces() { # networks that tests cut; see tests/chaos/lab.py
    if [ "$(id -u)" != 0 ]; then
        leave_out network_namespaces "network namespaces need root"
        return
    fi
    packages network_namespaces ip iproute2 || return 0
    packages network_namespaces nft nftables || return 0
    mkdir -p "$ENVS/network_namespaces" && id -un >"$ENVS/network_namespaces/ready"
}
