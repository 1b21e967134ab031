# Homebrew formula, built from this checkout; from its folder on a Mac:
#   brew install --HEAD packaging/vmrec.rb
class Vmrec < Formula
  desc "Records the memory regions of a process over time and reports what changed"
  license any_of: ["MIT", "Apache-2.0"]
  head "file://#{File.expand_path("..", __dir__)}", using: :git

  depends_on "rust" => :build

  def install
    system "cargo", "install", *std_cargo_args
    # An ad hoc signature with the entitlement of debuggers; see docs/macos.md.
    if OS.mac?
      system "codesign", "--sign", "-", "--force",
             "--entitlements", "packaging/debugger.plist", bin/"vmrec"
    end
    pkgshare.install "packaging/get-task-allow.plist", "packaging/vmrec.record.plist"
  end

  test do
    db = testpath/"vmrec.db"
    system bin/"vmrec", "record", "--samples", "2", "--every", "50ms", "--db", db, "--", "sleep", "1"
    assert_match "sleep", shell_output("#{bin}/vmrec list --db #{db}")
  end
end
